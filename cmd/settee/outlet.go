package main

import (
	"context"
	"errors"
	"os"
	"syscall"
)

// outlet is an output that ends the program in order when its reader is gone.
type outlet struct {
	file *os.File
	stop context.CancelCauseFunc
}

// errUnread is why a program ends whose output nobody reads; its exit code is
// what the signal's would be.
var errUnread = interrupted(syscall.SIGPIPE)

func (o *outlet) Write(b []byte) (int, error) {
	n, err := o.file.Write(b)
	if errors.Is(err, syscall.EPIPE) {
		o.stop(errUnread)
		return n, errUnread
	}
	return n, err
}
