package worker

import (
	"context"
	"encoding/json"
	"io"
	"sync/atomic"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/engine"
	"github.com/settee/settee/internal/pyjson"
	"github.com/settee/settee/internal/queue"
)

// sink passes what a run makes to the coordinator and the file store. It works
// on after the run's context is cancelled: what a node finished is not lost.
type sink struct {
	*task
	previews bool         // the job asked for previews (extra_data.preview_method)
	small    atomic.Int64 // bytes of small files that no output has told of yet
}

func newSink(t *task) *sink {
	s := &sink{task: t}
	if extra, err := pyjson.Parse(t.lease.Graph.ExtraData); err == nil {
		method := extra.Get("preview_method").Text()
		s.previews = method != "" && method != "none" && method != "default"
	}
	return s
}

func (s *sink) report(ctx context.Context, f settee.Frame) error {
	return s.tell(ctx, queue.Step{Frame: f})
}

// pass tells a frame now.
func (t *task) pass(ctx context.Context, f settee.Frame) error {
	f.AccountID, f.JobID, f.PromptID = t.lease.AccountID, t.lease.Attempt.JobID, t.lease.PromptID
	f.ClientID, f.Attempt = t.lease.ClientID, t.lease.Attempt.N
	return patiently(t.alive, func() error {
		return t.w.coordinator.Report(context.WithoutCancel(ctx), t.lease.Attempt, []settee.Frame{f})
	})
}

func (s *sink) Event(ctx context.Context, e settee.Event) error {
	data, err := standard(e.Data)
	if err != nil {
		return err
	}
	return s.report(ctx, settee.Frame{Type: e.Type, Data: data})
}

func (s *sink) Preview(ctx context.Context, node string, frame []byte, wanted bool) error {
	return s.report(ctx, settee.Frame{Node: node, Binary: frame, Wanted: wanted || s.previews})
}

func (s *sink) Executed(ctx context.Context, x engine.Executed) (output json.RawMessage, err error) {
	s.small.Add(-small(x))
	if x, err = standardOutput(x); err != nil {
		return nil, err
	}
	s.begin()
	if <-s.entered; s.denied != nil {
		return nil, s.denied
	}
	s.last.mu.Lock()
	err = s.settle(ctx, s.last.empty())
	s.last.mu.Unlock()
	if err != nil {
		return nil, err
	}
	return s.execute(ctx, x)
}

// execute has a node's output written down now.
func (t *task) execute(ctx context.Context, x engine.Executed) (output json.RawMessage, err error) {
	err = patiently(t.alive, func() (err error) {
		output, err = t.w.coordinator.Execute(context.WithoutCancel(ctx), t.lease.Attempt, x)
		return err
	})
	return output, err
}

// Put stores a file's bytes. Those of a small one go along with its output, unless
// those that wait for theirs are many already.
func (s *sink) Put(ctx context.Context, content io.Reader) (engine.Bytes, error) {
	b, err := s.put(ctx, content)
	n := int64(len(b.Small))
	if err != nil || s.small.Add(n) <= engine.MaxTogether {
		return b, err
	}
	s.small.Add(-n)
	err = patiently(s.alive, func() error { return s.w.files.Keep(ctx, b) })
	return engine.Bytes{Blob: b.Blob}, err
}

func (s *sink) put(ctx context.Context, content io.Reader) (b engine.Bytes, err error) {
	again, ok := content.(io.Seeker)
	if !ok { // it can be read once
		return s.w.files.Put(ctx, content)
	}
	err = patiently(s.alive, func() (err error) {
		if _, err = again.Seek(0, io.SeekStart); err == nil {
			b, err = s.w.files.Put(ctx, content)
		}
		return err
	})
	return b, err
}

func (s *sink) Open(ctx context.Context, hash string) (io.ReadSeekCloser, error) {
	return s.w.files.Open(ctx, hash)
}
