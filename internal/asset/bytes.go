package asset

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/engine"
)

// take stores content, or reads it where it is small.
func (s *Service) take(ctx context.Context, content io.Reader) (engine.Bytes, error) {
	began := s.now()
	b, large, err := engine.ReadBytes(content)
	if err == nil && large != nil {
		b.Blob, err = s.blobs.Put(ctx, large)
	}
	if err != nil {
		return engine.Bytes{}, err
	}
	s.stored(b.Size, s.now().Sub(began))
	return b, nil
}

// Put stores content and writes down that it is kept; until something names it,
// it may be removed again some time later. Small content is kept by what names it,
// or by Keep.
func (s *Service) Put(ctx context.Context, content io.Reader) (engine.Bytes, error) {
	b, err := s.take(ctx, content)
	if err == nil && b.Small == nil {
		err = s.Keep(ctx, b)
	}
	return b, err
}

// Keep writes down that bytes are kept, and keeps those that came along.
func (s *Service) Keep(ctx context.Context, b engine.Bytes) error {
	if err := s.store.SaveBlob(ctx, b, s.now()); err != nil {
		return fmt.Errorf("write a blob down: %w", err)
	}
	return nil
}

// Open reads bytes by their hash, which lie in a file or, where there is none, in
// the database; the error wraps fs.ErrNotExist when they lie nowhere. It asks for
// no account: callers hand in hashes that the caller may read.
func (s *Service) Open(ctx context.Context, hash string) (io.ReadSeekCloser, error) {
	f, gone := s.blobs.Open(ctx, hash) // to miss a file costs less than to miss a row
	if !errors.Is(gone, fs.ErrNotExist) {
		return f, gone
	}
	content, found, err := s.store.SmallBlob(ctx, hash)
	switch {
	case err != nil:
		return nil, fmt.Errorf("read a small file: %w", err)
	case !found:
		return nil, gone
	}
	return inMemory{bytes.NewReader(content)}, nil
}

type inMemory struct{ *bytes.Reader }

func (inMemory) Close() error { return nil }

// Outputs is a Service for workers, whose Put leaves it to the unit that names
// the bytes to write down that they are kept: that saves a commit a file. Bytes
// of a job that ended in between are nowhere when they are small, and else a file
// without a row, of no use once it has been there for longer than a job can run.
type Outputs struct{ *Service }

// Put stores bytes. Large ones that were there already, and that nothing refers to,
// count as unreferenced since now.
func (o Outputs) Put(ctx context.Context, content io.Reader) (engine.Bytes, error) {
	b, err := o.take(ctx, content)
	if err != nil || b.Small != nil {
		return b, err
	}
	if err := o.store.RefreshBlob(ctx, b.Hash, o.now()); err != nil {
		return engine.Bytes{}, fmt.Errorf("write a blob down: %w", err)
	}
	return b, nil
}

// Uploads is Outputs for workers elsewhere, whose bytes are safe when Put returns.
type Uploads struct{ *Service }

// Take takes small bytes that came along, for the unit that names them; it refuses
// those that are not what they are said to be (engine.Bytes.Check).
func (u Uploads) Take(b engine.Bytes) error {
	err := b.Check()
	if err == nil {
		u.stored(b.Size, 0)
	}
	return err
}

// Put stores bytes, small ones too.
func (u Uploads) Put(ctx context.Context, content io.Reader) (settee.Blob, error) {
	b, err := Outputs(u).Put(ctx, content)
	if err == nil && b.Small != nil {
		err = u.Keep(ctx, b)
	}
	return b.Blob, err
}
