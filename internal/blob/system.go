package blob

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// system is what Disk asks of the file system, so that tests see the order of
// the calls and make them fail.
type system interface {
	MkdirAll(name string) error
	List(dir string) ([]string, error)
	Create(name string) (file, error) // a new file; one that exists is an error
	Size(name string) (int64, error)
	Rename(from, to string) error
	Remove(name string) error
	SyncDir(name string) error
	Open(name string) (io.ReadSeekCloser, error)
}

// file is a file that is being written.
type file interface {
	io.Writer
	Sync() error
	Close() error // again: no error
}

type osSystem struct{}

func (osSystem) MkdirAll(name string) error   { return os.MkdirAll(name, 0o700) }
func (osSystem) Rename(from, to string) error { return os.Rename(from, to) }
func (osSystem) Remove(name string) error     { return os.Remove(name) }

func (osSystem) List(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	return names, err
}

func (osSystem) Create(name string) (file, error) {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	return &osFile{File: f}, nil
}

func (osSystem) Size(name string) (int64, error) {
	info, err := os.Stat(name)
	if err != nil {
		return 0, err
	}
	if !info.Mode().IsRegular() {
		return 0, fmt.Errorf("%s is no file", name)
	}
	return info.Size(), nil
}

func (osSystem) Open(name string) (io.ReadSeekCloser, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err // not a nil *os.File in an interface
	}
	return f, nil
}

func (osSystem) SyncDir(name string) error {
	d, err := os.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// osFile is a file whose bytes are on their way to the disk while more come, so
// that Sync has little left to wait for.
type osFile struct {
	*os.File
	written, sent int64
}

// stride is how many bytes are sent to the disk at a time.
const stride = 8 << 20

func (f *osFile) Write(p []byte) (int, error) {
	n, err := f.File.Write(p)
	if f.written += int64(n); f.written-f.sent >= stride {
		writeBack(f.File, f.sent, f.written-f.sent)
		f.sent = f.written
	}
	return n, err
}

func (f *osFile) Close() error {
	if err := f.File.Close(); !errors.Is(err, os.ErrClosed) {
		return err
	}
	return nil
}
