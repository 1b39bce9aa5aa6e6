package v1

import (
	"errors"
	"os"
)

// spool is a file that nobody else sees and that is gone when it is closed: for
// bytes that are needed twice and must not stay in memory.
type spool struct{ *os.File }

func newSpool() (spool, error) {
	f, err := os.CreateTemp("", "settee-*")
	return spool{f}, err
}

// Close removes the file.
func (s spool) Close() error { return errors.Join(s.File.Close(), os.Remove(s.Name())) }
