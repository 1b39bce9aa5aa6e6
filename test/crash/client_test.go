package crash_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image/png"
	"io"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/settee/settee/test/process"
)

// client asks a server as a user does.
type client struct {
	base string
	http http.Client
}

func (c *client) call(ctx context.Context, method, path string, body any) (int, []byte, error) {
	var content io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return 0, nil, err
		}
		content = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, content)
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("X-API-Key", process.Key)
	res, err := c.http.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	return res.StatusCode, b, err
}

// submit posts a graph; id is "" when the server did not say 200.
func (c *client) submit(ctx context.Context, graph any) (id string, err error) {
	status, body, err := c.call(ctx, http.MethodPost, "/api/prompt", map[string]any{"prompt": graph})
	if err != nil || status != http.StatusOK {
		return "", err
	}
	var reply struct {
		PromptID string `json:"prompt_id"`
	}
	err = json.Unmarshal(body, &reply)
	return reply.PromptID, err
}

// small saves one small picture of a colour under prefix "crash".
func small(color int) map[string]any {
	return map[string]any{
		"1": map[string]any{"class_type": "EmptyImage", "inputs": map[string]any{"width": 8, "height": 8, "batch_size": 1, "color": color}},
		"9": map[string]any{"class_type": "SaveImage", "inputs": map[string]any{"images": []any{"1", 0}, "filename_prefix": "crash"}},
	}
}

// long takes a second or more for each of its steps, and saves one picture.
func long(color, steps int) map[string]any {
	g := map[string]any{"0": map[string]any{"class_type": "EmptyImage",
		"inputs": map[string]any{"width": 2048, "height": 2048, "batch_size": 1, "color": color}}}
	for i := range steps {
		g[fmt.Sprint(i+1)] = map[string]any{"class_type": "ImageBlur",
			"inputs": map[string]any{"image": []any{fmt.Sprint(i), 0}, "blur_radius": 31, "sigma": 1.0}}
	}
	g["9000"] = map[string]any{"class_type": "SaveImage",
		"inputs": map[string]any{"images": []any{fmt.Sprint(steps), 0}, "filename_prefix": "long"}}
	return g
}

type file struct{ Filename, Subfolder, Type string }

// job is the part of GET /api/jobs/{id} that is judged.
type job struct {
	Status  string
	Outputs map[string]struct{ Images []file }
	Error   struct {
		Type string `json:"exception_type"`
	} `json:"execution_error"`
}

func (j job) ended() bool { return j.Status != "pending" && j.Status != "in_progress" }

// lost reports whether a job was given up as its worker went away three times.
func (j job) lost() bool { return j.Status == "failed" && j.Error.Type == "WorkerLost" }

func (j job) files() (all []file) {
	for _, o := range j.Outputs {
		all = append(all, o.Images...)
	}
	return all
}

// job asks for a job; ok is false when the server is away.
func (c *client) job(t *testing.T, id string) (j job, ok bool) {
	t.Helper()
	status, body, err := c.call(t.Context(), http.MethodGet, "/api/jobs/"+id, nil)
	if err != nil || status == http.StatusServiceUnavailable {
		return j, false
	}
	if status != http.StatusOK {
		t.Errorf("acknowledged job %s: %d %s", id, status, body)
		return j, false
	}
	if err := json.Unmarshal(body, &j); err != nil {
		t.Error(err)
	}
	return j, true
}

// late is when what must come true is given up, on a machine that has other things to
// do.
const late = 5 * time.Minute

// until asks for a job until is says so.
func (c *client) until(t *testing.T, id string, deadline time.Time, is func(job) bool) (j job) {
	t.Helper()
	for {
		var ok bool
		if j, ok = c.job(t, id); ok && is(j) {
			return j
		}
		if time.Now().After(deadline) {
			t.Errorf("job %s is still %q (heard: %v)", id, j.Status, ok)
			return j
		}
		if !pause(t.Context(), 10*time.Millisecond) {
			return j
		}
	}
}

// total is how many of the account's jobs have the status, or any when it is
// empty; false when the server is away.
func (c *client) total(ctx context.Context, status string) (int, bool) {
	code, body, err := c.call(ctx, http.MethodGet, "/api/jobs?limit=1&status="+status, nil)
	if err != nil || code != http.StatusOK {
		return 0, false
	}
	var list struct{ Pagination struct{ Total int } }
	return list.Pagination.Total, json.Unmarshal(body, &list) == nil
}

// whole reads a picture and checks its colour.
func (c *client) whole(t *testing.T, f file, color int) {
	t.Helper()
	query := url.Values{"filename": {f.Filename}, "subfolder": {f.Subfolder}, "type": {f.Type}}
	status, body, err := c.call(t.Context(), http.MethodGet, "/api/view?"+query.Encode(), nil)
	if err != nil || status != http.StatusOK {
		t.Errorf("file %v: %d %v", f, status, err)
		return
	}
	picture, err := png.Decode(bytes.NewReader(body))
	if err != nil {
		t.Errorf("file %v (%d bytes): %v", f, len(body), err)
		return
	}
	r, g, b, _ := picture.At(7, 7).RGBA()
	if got := fmt.Sprintf("%02x%02x%02x", r>>8, g>>8, b>>8); got != fmt.Sprintf("%06x", color) {
		t.Errorf("file %v is #%s, want #%06x", f, got, color)
	}
}

// pause waits; false when ctx ended first.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
