// Package crash kills a server under load and asks afterwards for everything it
// had acknowledged.
package crash_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"image/png"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"sync"
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

// graph saves one small picture of a colour under prefix "crash".
func graph(color int) map[string]any {
	return map[string]any{
		"1": map[string]any{"class_type": "EmptyImage", "inputs": map[string]any{"width": 8, "height": 8, "batch_size": 1, "color": color}},
		"9": map[string]any{"class_type": "SaveImage", "inputs": map[string]any{"images": []any{"1", 0}, "filename_prefix": "crash"}},
	}
}

type file struct{ Filename, Subfolder, Type string }

// job is the part of GET /api/jobs/{id} that is judged.
type job struct {
	Status  string
	Outputs map[string]struct{ Images []file }
}

// kills is how often the server is killed: 8, or SETTEE_TEST_KILLS.
func kills(t *testing.T) int {
	if s := os.Getenv("SETTEE_TEST_KILLS"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	return 8
}

func TestKilledUnderLoad(t *testing.T) {
	server := process.Serve(t)
	c := &client{base: server.URL}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))

	// Submitters go on through every crash; what was acknowledged is kept.
	var (
		mu    sync.Mutex
		acked = map[string]int{} // prompt id → colour
		load  sync.WaitGroup
	)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	for n := range 4 {
		load.Go(func() {
			for i := n; ctx.Err() == nil; i += 4 {
				color := i % (1 << 24)
				status, body, err := c.call(ctx, http.MethodPost, "/api/prompt", map[string]any{"prompt": graph(color)})
				if err != nil || status != http.StatusOK {
					select { // the server is away
					case <-ctx.Done():
					case <-time.After(5 * time.Millisecond):
					}
					continue
				}
				var reply struct {
					PromptID string `json:"prompt_id"`
				}
				if err := json.Unmarshal(body, &reply); err != nil {
					t.Errorf("reply %s: %v", body, err)
					return
				}
				mu.Lock()
				acked[reply.PromptID] = color
				mu.Unlock()
			}
		})
	}
	for range kills(t) {
		select {
		case <-ctx.Done():
			t.Fatal(ctx.Err())
		case <-time.After(time.Duration(20+random.IntN(300)) * time.Millisecond):
		}
		server.Kill()
		server.Start()
	}
	stop()
	load.Wait()
	if len(acked) < 20 {
		t.Fatalf("only %d jobs were acknowledged", len(acked))
	}

	names := map[file]string{}
	deadline := time.Now().Add(2 * time.Minute)
	for id, color := range acked {
		j := ended(t, c, id, deadline)
		if j.Status != "completed" {
			t.Errorf("job %s ended as %s", id, j.Status)
			continue
		}
		images := j.Outputs["9"].Images
		if len(images) != 1 {
			t.Errorf("job %s lists %d pictures", id, len(images))
			continue
		}
		if other, taken := names[images[0]]; taken {
			t.Errorf("jobs %s and %s share the file %v", id, other, images[0])
		}
		names[images[0]] = id
		whole(t, c, images[0], color)
	}
	t.Logf("%d acknowledged jobs, %d files", len(acked), len(names))

	// No more of them than were acknowledged or cut off unacknowledged, and each once.
	status, body, err := c.call(t.Context(), http.MethodGet, "/api/jobs?limit=1", nil)
	if err != nil || status != http.StatusOK {
		t.Fatalf("list: %d %v", status, err)
	}
	var list struct{ Pagination struct{ Total int } }
	if err := json.Unmarshal(body, &list); err != nil {
		t.Fatal(err)
	}
	if most := len(acked) + 4*(kills(t)+1); list.Pagination.Total < len(acked) || list.Pagination.Total > most {
		t.Errorf("%d jobs are listed, %d were acknowledged", list.Pagination.Total, len(acked))
	}
}

// ended waits for a job's end.
func ended(t *testing.T, c *client, id string, deadline time.Time) job {
	t.Helper()
	for {
		status, body, err := c.call(t.Context(), http.MethodGet, "/api/jobs/"+id, nil)
		if err != nil || status != http.StatusOK {
			t.Fatalf("acknowledged job %s: %d %s %v", id, status, body, err)
		}
		var j job
		if err := json.Unmarshal(body, &j); err != nil {
			t.Fatal(err)
		}
		if j.Status != "pending" && j.Status != "in_progress" {
			return j
		}
		if time.Now().After(deadline) {
			t.Fatalf("job %s is still %s", id, j.Status)
		}
		select {
		case <-t.Context().Done():
			t.Fatal(t.Context().Err())
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// whole reads a picture and checks its colour.
func whole(t *testing.T, c *client, f file, color int) {
	t.Helper()
	query := url.Values{"filename": {f.Filename}, "subfolder": {f.Subfolder}, "type": {f.Type}}
	status, body, err := c.call(t.Context(), http.MethodGet, "/view?"+query.Encode(), nil)
	if err != nil || status != http.StatusOK {
		t.Errorf("file %v: %d %v", f, status, err)
		return
	}
	picture, err := png.Decode(bytes.NewReader(body))
	if err != nil {
		t.Errorf("file %v (%d bytes, sha256 %x): %v", f, len(body), sha256.Sum256(body), err)
		return
	}
	r, g, b, _ := picture.At(7, 7).RGBA()
	if got := fmt.Sprintf("%02x%02x%02x", r>>8, g>>8, b>>8); got != fmt.Sprintf("%06x", color) {
		t.Errorf("file %v is #%s, want #%06x", f, got, color)
	}
}
