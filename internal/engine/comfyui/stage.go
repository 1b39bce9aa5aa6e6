package comfyui

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/engine"
)

// staged is an input file that lies in ComfyUI's input folder.
type staged struct{ name string }

// staging is what a job's inputs are called in ComfyUI.
type staging struct {
	names   map[[2]string]string // by node and input
	clients map[string]string    // staged name to the client's reference
	reused  bool                 // some lay there from an earlier job
}

// stage puts a job's inputs where ComfyUI finds them, each content and name
// once for as long as it is remembered.
func (e *Engine) stage(ctx context.Context, job engine.Job, out engine.Sink) (*staging, error) {
	s := &staging{names: map[[2]string]string{}, clients: map[string]string{}}
	for _, in := range job.Inputs {
		want := stagedName(in)
		e.mu.Lock()
		known, ok := e.staged.get(want)
		e.mu.Unlock()
		if ok {
			s.reused = true
		} else if err := e.fits(ctx, job, in); err != nil {
			return nil, err
		} else {
			name, err := e.bring(ctx, in, want, out)
			if err != nil {
				return nil, fmt.Errorf("stage %q: %w", in.Reference, err)
			}
			known = staged{name}
			e.mu.Lock()
			e.staged.put(want, known)
			e.mu.Unlock()
		}
		s.names[[2]string{in.Node, in.Input}] = known.name
		if _, ok := s.clients[known.name]; !ok {
			s.clients[known.name] = in.Reference
		}
	}
	return s, nil
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

// restage forgets that a job's inputs are there.
func (e *Engine) restage(job engine.Job) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, in := range job.Inputs {
		e.staged.remove(stagedName(in))
	}
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

// bring uploads a file; a connection that breaks is tried again from the start.
func (e *Engine) bring(ctx context.Context, in settee.JobInput, want string, out engine.Sink) (name string, err error) {
	for range 3 {
		name, err = e.upload(ctx, in, want, out)
		if _, answered := errors.AsType[*statusError](err); err == nil || answered || ctx.Err() != nil {
			break
		}
	}
	return name, err
}

// upload brings one file over and says what ComfyUI calls it.
func (e *Engine) upload(ctx context.Context, in settee.JobInput, want string, out engine.Sink) (string, error) {
	content, err := out.Open(ctx, in.Hash)
	if err != nil {
		return "", err
	}
	defer content.Close()
	if dir := e.folder(settee.Input); dir != "" {
		return want, write(dir, want, content)
	}
	reader, writer := io.Pipe()
	form := multipart.NewWriter(writer)
	go func() {
		err := form.WriteField("type", string(settee.Input))
		if err == nil {
			var part io.Writer
			if part, err = form.CreateFormFile("image", want); err == nil {
				_, err = io.Copy(part, content)
			}
		}
		if err == nil {
			err = form.Close()
		}
		writer.CloseWithError(err) //nolint:errcheck // always nil
	}()
	defer reader.Close() //nolint:errcheck // always nil
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, e.server.url()+"/upload/image", reader)
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", form.FormDataContentType())
	resp, err := e.opt.HTTP.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return "", err
	}
	if resp.StatusCode != http.StatusOK {
		return "", &statusError{"POST /upload/image", resp.StatusCode, answer}
	}
	var got struct{ Name, Subfolder string }
	if err := json.Unmarshal(answer, &got); err != nil || got.Name == "" || got.Subfolder != "" {
		return "", fmt.Errorf("POST /upload/image: not a name: %.100s", answer)
	}
	return got.Name, nil
}

// write makes a file that appears whole or not at all.
func write(dir, name string, content io.Reader) error {
	f, err := os.CreateTemp(dir, ".staging-*")
	if err != nil {
		return err
	}
	_, err = io.Copy(f, content)
	if err = errors.Join(err, f.Chmod(0o644), f.Close()); err == nil {
		err = os.Rename(f.Name(), filepath.Join(dir, name))
	}
	if err != nil {
		os.Remove(f.Name()) //nolint:errcheck // it may never have been
	}
	return err
}

// unstage removes a file that is not remembered any more, where that is
// possible. The caller holds mu.
func (e *Engine) unstage(_ string, s staged) {
	if dir := e.folder(settee.Input); dir != "" {
		os.Remove(filepath.Join(dir, s.name)) //nolint:errcheck // nothing depends on it
	}
}
