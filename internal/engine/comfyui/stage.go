package comfyui

import (
	"context"
	"fmt"
	"net/http"
	"path"
	"strings"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/engine"
)

// staging is what a job's inputs are called in ComfyUI.
type staging struct {
	names   map[[2]string]string // by node and input
	clients map[string]string    // staged name to the client's reference
	reused  bool                 // some lay there from an earlier job
	held    []*shelved           // until they are given back
}

// stage puts a job's inputs where ComfyUI finds them, each content and name
// once for as long as it is on the shelf. They must be given back, with an error
// too.
func (e *Engine) stage(ctx context.Context, job engine.Job, out engine.Sink) (*staging, error) {
	s := &staging{names: map[[2]string]string{}, clients: map[string]string{}}
	for _, in := range job.Inputs {
		f, name, err := e.onShelf(ctx, in)
		if err != nil {
			return s, err
		}
		s.held = append(s.held, f)
		if name != "" {
			s.reused = true
		} else if err := e.fits(ctx, job, in); err != nil {
			return s, err
		} else {
			if name, err = e.bring(ctx, in, f.want, out); err != nil {
				return s, fmt.Errorf("stage %q: %w", in.Reference, err)
			}
			e.mu.Lock()
			f.brought(name)
			e.mu.Unlock()
		}
		s.names[[2]string{in.Node, in.Input}] = name
		if _, ok := s.clients[name]; !ok {
			s.clients[name] = in.Reference
		}
	}
	return s, nil
}

// onShelf takes a file, with its name when it lies there. One that is just being
// removed is gone first.
func (e *Engine) onShelf(ctx context.Context, in settee.JobInput) (f *shelved, name string, err error) {
	want := stagedName(in)
	for {
		e.mu.Lock()
		leaving := e.leaving[want]
		if leaving == nil {
			f, name = e.staged.take(want, in.Size)
		}
		e.mu.Unlock()
		if leaving == nil {
			return f, name, nil
		}
		select {
		case <-leaving:
		case <-ctx.Done():
			return nil, "", ctx.Err()
		}
	}
}

// unstage gives a job's inputs back and removes what is too much on the shelf.
func (e *Engine) unstage(s *staging) {
	if s == nil || len(s.held) == 0 {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, f := range s.held {
		f.give()
	}
	for _, f := range e.staged.surplus() {
		gone := make(chan struct{})
		e.leaving[f.want] = gone
		e.tidy.Go(func() {
			e.discard(f.name)
			e.mu.Lock()
			delete(e.leaving, f.want)
			e.mu.Unlock()
			close(gone)
		})
	}
}

// fits refuses a file that this ComfyUI would not take over HTTP.
func (e *Engine) fits(ctx context.Context, job engine.Job, in settee.JobInput) error {
	const always = 32 << 20 // less than anybody's limit
	if in.Size <= always || e.folder(settee.Input) != "" {
		return nil
	}
	features, err := e.server.get(ctx, "/features")
	if isStatus(err, http.StatusNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if limit := features.Get("max_upload_size").Float(); limit > 0 && float64(in.Size)+always/32 > limit {
		return refuse(job, in.Node, "", "InputTooLarge", fmt.Sprintf(
			"%s has %d bytes, but this ComfyUI takes uploads of at most %.0f; it can be started with a larger --max-upload-size.", in.Reference, in.Size, limit))
	}
	return nil
}

// restage is stage for inputs that may not be there any more, s's: they are brought
// again. Others may use them.
func (e *Engine) restage(ctx context.Context, s *staging, job engine.Job, out engine.Sink) (*staging, error) {
	e.mu.Lock()
	for _, f := range s.held {
		f.doubtful = true
	}
	e.mu.Unlock()
	defer e.unstage(s)
	return e.stage(ctx, job, out)
}

// stagedName is flat, carries the hash, and has nothing in it that ComfyUI or
// JSON reads otherwise.
func stagedName(in settee.JobInput) string {
	name := in.Reference
	for _, t := range []settee.FileType{settee.Input, settee.Output, settee.Temp} {
		name = strings.TrimSuffix(name, " ["+string(t)+"]")
	}
	name = path.Base(strings.ReplaceAll(name, `\`, "/"))
	name = strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '.', r == '-', r == '_':
			return r
		}
		return '_'
	}, name)
	if cut := len(name) - 80; cut > 0 {
		name = name[cut:] // the extension stays
	}
	hash := in.Hash
	if len(hash) > 12 {
		hash = hash[:12]
	}
	return hash + "-" + name
}
