package blob

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"sync"
	"time"

	"github.com/zeebo/blake3"

	"github.com/settee/settee"
)

// Disk keeps blobs as files, dir/ab/abcdef…, written as dir/tmp/… first. The
// folders are made, and known to be on disk, before the first blob is taken.
// One process at a time may have dir.
type Disk struct {
	dir    string
	system system
}

// chunk is how many bytes of a blob are written at a time; twice as many are in
// memory while it is stored.
const chunk = 1 << 20

var chunks = sync.Pool{New: func() any { return new([chunk]byte) }}

// NewDisk opens the folder dir, making it when absent, and removes what writes
// that were cut off have left.
func NewDisk(dir string) (*Disk, error) { return newDisk(dir, osSystem{}) }

func newDisk(dir string, s system) (*Disk, error) {
	d := &Disk{dir: dir, system: s}
	if err := d.prepare(); err != nil {
		return nil, fmt.Errorf("the folder of files: %w", err)
	}
	return d, nil
}

func (d *Disk) prepare() error {
	if err := d.system.MkdirAll(d.dir); err != nil {
		return err
	}
	known, err := d.system.List(d.dir)
	if err != nil {
		return err
	}
	have := map[string]bool{}
	for _, name := range known {
		have[name] = true
	}
	made := false
	for _, name := range folders() {
		if !have[name] {
			if err := d.system.MkdirAll(filepath.Join(d.dir, name)); err != nil {
				return err
			}
			made = true
		}
	}
	if made {
		if err := errors.Join(d.system.SyncDir(d.dir), d.system.SyncDir(filepath.Dir(d.dir))); err != nil {
			return err
		}
	}
	left, err := d.system.List(d.tmp())
	if err != nil {
		return err
	}
	for _, name := range left {
		if err := d.system.Remove(filepath.Join(d.tmp(), name)); err != nil {
			return err
		}
	}
	return nil
}

// folders are tmp and the first two digits of every hash.
func folders() []string {
	names := []string{"tmp"}
	for i := range 256 {
		names = append(names, hex.EncodeToString([]byte{byte(i)}))
	}
	return names
}

func (d *Disk) tmp() string { return filepath.Join(d.dir, "tmp") }

func (d *Disk) path(hash string) string { return filepath.Join(d.dir, hash[:2], hash) }

// Put stores content (Store). When it returns an error no part of content can
// be seen (only when the last step failed, the folder's sync, all of it may be);
// the content's own error is in the chain. Bytes that are there already keep
// their place and their file.
func (d *Disk) Put(ctx context.Context, content io.Reader) (settee.Blob, error) {
	name := filepath.Join(d.tmp(), settee.NewID())
	f, err := d.system.Create(name)
	if err != nil {
		return settee.Blob{}, fmt.Errorf("store a file: %w", err)
	}
	b, err := d.write(ctx, f, content)
	if err == nil {
		err = d.settle(f, name, b)
	}
	if err != nil {
		// The name is new, so nobody misses it; a leftover goes at the next start.
		return settee.Blob{}, errors.Join(fmt.Errorf("store a file: %w", err), f.Close(), gone(d.system.Remove(name)))
	}
	return b, nil
}

// write copies content into f, a chunk while the next is read and hashed.
func (d *Disk) write(ctx context.Context, f file, content io.Reader) (settee.Blob, error) {
	buffer, other := chunks.Get().(*[chunk]byte), chunks.Get().(*[chunk]byte)
	defer func() { chunks.Put(buffer); chunks.Put(other) }()
	var writing sync.WaitGroup
	defer writing.Wait()
	var failed error // of the chunk before
	hash, size := blake3.New(), int64(0)
	for {
		if err := ctx.Err(); err != nil {
			return settee.Blob{}, err
		}
		n, end := fill(content, buffer[:])
		_, _ = hash.Write(buffer[:n]) // never fails
		size += int64(n)
		writing.Wait()
		switch {
		case failed != nil:
			return settee.Blob{}, failed
		case end == io.EOF: //nolint:errorlint // a wrapped one is a failure
			return settee.Blob{Hash: hex.EncodeToString(hash.Sum(nil)), Size: size}, extend(f, buffer[:n])
		case end != nil:
			return settee.Blob{}, end
		}
		piece := buffer[:n]
		writing.Go(func() { failed = extend(f, piece) })
		buffer, other = other, buffer
	}
}

// extend writes all of p.
func extend(f file, p []byte) error {
	n, err := f.Write(p)
	if err == nil && n != len(p) {
		err = io.ErrShortWrite
	}
	return err
}

// fill reads until buffer is full or content ends. Unlike io.ReadFull it passes
// an io.ErrUnexpectedEOF of content's on, and calls the plain end io.EOF.
func fill(content io.Reader, buffer []byte) (n int, err error) {
	for n < len(buffer) && err == nil {
		var m int
		m, err = content.Read(buffer[n:])
		n += m
	}
	return n, err
}

// settle gives a written file its place, on disk before it returns.
func (d *Disk) settle(f file, name string, b settee.Blob) error {
	place := d.path(b.Hash)
	if size, err := d.system.Size(place); err == nil && size == b.Size {
		if err := errors.Join(f.Close(), d.system.Remove(name)); err != nil {
			return err
		}
		// Whoever put it there may not have synced the folder yet.
		return d.system.SyncDir(filepath.Dir(place))
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if err := d.system.Rename(name, place); err != nil {
		return err
	}
	return d.system.SyncDir(filepath.Dir(place))
}

// Open reads a blob (Store).
func (d *Disk) Open(_ context.Context, hash string) (io.ReadSeekCloser, error) {
	if !wellFormed(hash) {
		return nil, fmt.Errorf("no hash %q: %w", hash, fs.ErrNotExist)
	}
	return d.system.Open(d.path(hash))
}

// Delete removes a blob (Store).
func (d *Disk) Delete(_ context.Context, hash string) error {
	if !wellFormed(hash) {
		return nil
	}
	return gone(d.system.Remove(d.path(hash)))
}

// Link is "" always: the server signs links of its own (Store).
func (d *Disk) Link(context.Context, string, string, string, time.Time) (string, error) {
	return "", nil
}

func gone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func wellFormed(hash string) bool {
	for _, c := range []byte(hash) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return len(hash) == 64
}
