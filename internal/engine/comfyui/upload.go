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
	"path/filepath"
	"strings"
	"time"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/engine"
)

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
	return e.post(ctx, want, content, in.Size)
}

// post sends a file of that size, over one of the same name.
func (e *Engine) post(ctx context.Context, name string, content io.Reader, size int64) (string, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	// While bytes move it takes as long as it takes; then ComfyUI copies the file.
	stalled := time.AfterFunc(e.opt.Stall, func() { cancel(errStalled) })
	defer stalled.Stop()
	reader, writer := io.Pipe()
	form := multipart.NewWriter(writer)
	go func() {
		err := errors.Join(form.WriteField("type", string(settee.Input)), form.WriteField("overwrite", "true"))
		if err == nil {
			var part io.Writer
			if part, err = form.CreateFormFile("image", name); err == nil {
				_, err = io.Copy(part, &moving{content, func() { stalled.Reset(e.opt.Stall) }})
			}
		}
		if err == nil {
			err = form.Close()
		}
		stalled.Reset(e.opt.Stall + time.Duration(size/copied)*time.Second)
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
		return "", errors.Join(err, context.Cause(ctx))
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

const copied = 10 << 20 // bytes a second at which ComfyUI writes down what it was sent, at least

var errStalled = errors.New("the upload stood still")

// moving tells of each piece that is read.
type moving struct {
	io.Reader
	moved func()
}

func (m *moving) Read(p []byte) (int, error) {
	n, err := m.Reader.Read(p)
	m.moved()
	return n, err
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

// discard removes a file that is not on the shelf any more. Over HTTP there is
// no way to do that: it is emptied.
func (e *Engine) discard(name string) {
	if dir := e.folder(settee.Input); dir != "" {
		os.Remove(filepath.Join(dir, name)) //nolint:errcheck // nothing depends on it
		return
	}
	if _, err := e.post(context.Background(), name, strings.NewReader(""), 0); err != nil {
		e.opt.Log.Debug("emptying an input of ComfyUI's failed", "error", err)
	}
}
