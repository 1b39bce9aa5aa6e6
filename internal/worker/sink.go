package worker

import (
	"context"
	"encoding/json"
	"io"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/engine"
	"github.com/settee/settee/internal/pyjson"
)

// sink passes what a run makes to the coordinator and the file store. It works
// on after the run's context is cancelled: what a node finished is not lost.
type sink struct {
	*task
	previews bool // the job asked for previews (extra_data.preview_method)
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
	if err := s.begin(); err != nil {
		return err
	}
	f.AccountID, f.JobID, f.PromptID = s.lease.AccountID, s.lease.Attempt.JobID, s.lease.PromptID
	f.ClientID, f.Attempt = s.lease.ClientID, s.lease.Attempt.N
	return patiently(s.alive, func() error {
		return s.w.coordinator.Report(context.WithoutCancel(ctx), s.lease.Attempt, []settee.Frame{f})
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
	if x, err = standardOutput(x); err != nil {
		return nil, err
	}
	if err := s.begin(); err != nil {
		return nil, err
	}
	err = patiently(s.alive, func() (err error) {
		output, err = s.w.coordinator.Execute(context.WithoutCancel(ctx), s.lease.Attempt, x)
		return err
	})
	return output, err
}

func (s *sink) Put(ctx context.Context, content io.Reader) (b settee.Blob, err error) {
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
