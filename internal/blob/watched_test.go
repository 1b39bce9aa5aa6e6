package blob

import (
	"io"
	"path/filepath"
	"strings"
	"sync"
)

// watched is the real file system with a witness: calls are written down, with
// the random name of the file in tmp as "tmp/*", and may be made to fail.
type watched struct {
	osSystem
	dir   string
	fault func(call string) error                // nil: none
	short func(p []byte) (write []byte, lie int) // nil: whole writes

	mu    sync.Mutex
	calls []string
}

func (w *watched) say(verb string, names ...string) error {
	call := verb
	for _, n := range names {
		rel, err := filepath.Rel(w.dir, n)
		if err != nil {
			return err
		}
		if strings.HasPrefix(rel, "tmp/") {
			rel = "tmp/*"
		}
		call += " " + rel
	}
	w.mu.Lock()
	w.calls = append(w.calls, call)
	w.mu.Unlock()
	if w.fault != nil {
		return w.fault(call)
	}
	return nil
}

func (w *watched) MkdirAll(name string) error {
	if err := w.say("mkdir", name); err != nil {
		return err
	}
	return w.osSystem.MkdirAll(name)
}

func (w *watched) Create(name string) (file, error) {
	if err := w.say("create", name); err != nil {
		return nil, err
	}
	f, err := w.osSystem.Create(name)
	return &watchedFile{file: f, w: w, name: name}, err
}

func (w *watched) Rename(from, to string) error {
	if err := w.say("rename", from, to); err != nil {
		return err
	}
	return w.osSystem.Rename(from, to)
}

func (w *watched) Remove(name string) error {
	if err := w.say("remove", name); err != nil {
		return err
	}
	return w.osSystem.Remove(name)
}

func (w *watched) SyncDir(name string) error {
	if err := w.say("syncdir", name); err != nil {
		return err
	}
	return w.osSystem.SyncDir(name)
}

func (w *watched) Open(name string) (io.ReadSeekCloser, error) {
	if err := w.say("open", name); err != nil {
		return nil, err
	}
	return w.osSystem.Open(name)
}

type watchedFile struct {
	file
	w      *watched
	name   string
	closed bool
}

func (f *watchedFile) Write(p []byte) (int, error) {
	if err := f.w.say("write", f.name); err != nil {
		return 0, err
	}
	if f.w.short != nil {
		part, n := f.w.short(p)
		_, err := f.file.Write(part)
		return n, err
	}
	return f.file.Write(p)
}

func (f *watchedFile) Sync() error {
	if err := f.w.say("sync", f.name); err != nil {
		return err
	}
	return f.file.Sync()
}

func (f *watchedFile) Close() error {
	if !f.closed {
		f.closed = true
		if err := f.w.say("close", f.name); err != nil {
			f.file.Close()
			return err
		}
	}
	return f.file.Close()
}
