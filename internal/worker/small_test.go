package worker_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"testing"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/engine"
	"github.com/settee/settee/internal/worker"
)

// shelf takes small files, and counts those that it must keep.
type shelf struct {
	files
	kept []engine.Bytes
	busy int // Keeps that fail first
}

func (s *shelf) Put(_ context.Context, content io.Reader) (engine.Bytes, error) {
	b, err := io.ReadAll(content)
	return engine.BytesOf(b), err
}

func (s *shelf) Keep(_ context.Context, b engine.Bytes) error {
	if s.busy > 0 {
		s.busy--
		return settee.Faultf(settee.CodeUnavailable, "away")
	}
	s.kept = append(s.kept, b)
	return nil
}

// Small files go along with their output; more than fit into one are stored by
// themselves.
func TestSmallFilesGoAlong(t *testing.T) {
	const fit = engine.MaxTogether / engine.MaxSmall
	store := &shelf{busy: 2}
	var wrong error
	e := engineFunc(func(ctx context.Context, _ engine.Job, out engine.Sink) error {
		put := func(i, size int) (engine.Entry, bool) {
			content := bytes.Repeat([]byte{byte(i)}, size)
			b, err := out.Put(ctx, bytes.NewReader(content))
			if err != nil || b.Blob != engine.BytesOf(content).Blob || b.Small != nil && !bytes.Equal(b.Small, content) {
				wrong = fmt.Errorf("file %d: %+v, %w", i, b.Blob, err)
			}
			return engine.Entry{New: &engine.NewFile{Bytes: b}}, b.Small != nil
		}
		for range 2 { // what an output has told of waits no more
			var x engine.Executed
			x.Output = []engine.Key{{Name: "images"}}
			for i := range fit + 2 {
				entry, along := put(i, engine.MaxSmall)
				if x.Output[0].Entries = append(x.Output[0].Entries, entry); along != (i < fit) {
					wrong = fmt.Errorf("file %d goes along: %t", i, along)
				}
			}
			if _, along := put(0, 0); !along {
				wrong = fmt.Errorf("an empty file does not go along")
			}
			if _, err := out.Executed(ctx, x); err != nil {
				return err
			}
		}
		return nil
	})
	c := newCoordinator()
	c.leases <- lease("a")
	w := worker.New(c, store, e, worker.Options{Name: "w", Pool: "p", Log: slog.New(slog.DiscardHandler)})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	if ending := <-c.endings; ending.State != settee.Completed {
		t.Errorf("ended as %+v", ending)
	}
	cancel()
	if err := <-done; err != nil || wrong != nil {
		t.Error(err, wrong)
	}
	if len(store.kept) != 4 || store.kept[0].Hash != engine.BytesOf(bytes.Repeat([]byte{fit}, engine.MaxSmall)).Hash || len(store.kept[0].Small) != engine.MaxSmall {
		t.Errorf("kept %d files", len(store.kept))
	}
}
