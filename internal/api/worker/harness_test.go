package worker_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/zeebo/blake3"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/account"
	"github.com/settee/settee/internal/api"
	"github.com/settee/settee/internal/api/worker"
	"github.com/settee/settee/internal/asset"
	"github.com/settee/settee/internal/blob"
	"github.com/settee/settee/internal/bus"
	"github.com/settee/settee/internal/queue"
	"github.com/settee/settee/internal/store"
	"github.com/settee/settee/internal/store/storetest"
)

func TestMain(m *testing.M) { storetest.Main(m) }

// house is the surface over real services, asked over real connections.
type house struct {
	*testing.T
	db       *store.DB
	bus      bus.Bus
	blobs    *blob.Disk
	folder   string // of blobs
	accounts *account.Service
	assets   *asset.Service
	queue    *queue.Service
	surface  *worker.API
	url      string
	token    string // for workers of pool gpu
	frames   chan settee.Frame
}

// each runs f in a house on each kind of database.
func each(t *testing.T, f func(h *house)) {
	storetest.Each(t, func(t *testing.T, db *store.DB) { f(newHouse(t, db)) })
}

func newHouse(t *testing.T, db *store.DB) *house {
	h := &house{T: t, db: db, bus: bus.NewLocal(), frames: make(chan settee.Frame, 1000)}
	t.Cleanup(func() { h.bus.Close() })
	var err error
	h.folder = filepath.Join(t.TempDir(), "blobs")
	if h.blobs, err = blob.NewDisk(h.folder); err != nil {
		t.Fatal(err)
	}
	storetest.Account(t, db, "a", settee.Tier{})
	storetest.Account(t, db, "b", settee.Tier{})
	h.accounts = account.New(db, account.Options{})
	h.assets = asset.New(db, h.blobs, asset.Options{Secret: []byte("links")})
	h.token = h.newToken("gpu")
	h.boot()
	cancel, err := h.bus.Subscribe(bus.Account+"a", func(body []byte) {
		var f settee.Frame
		if err := json.Unmarshal(body, &f); err != nil {
			panic(err)
		}
		h.frames <- f
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cancel)
	return h
}

// boot starts a server that knows only what the database does.
func (h *house) boot() {
	h.queue = queue.New(h.db, h.bus, queue.Options{Poll: 5 * time.Millisecond, Lease: time.Minute, Log: slog.New(slog.DiscardHandler)})
	surface := worker.New(worker.Options{Queue: h.queue, Files: asset.Uploads{Service: h.assets}, Secret: []byte("receipts"),
		Watched: func(string) bool { return false }, Log: slog.New(slog.DiscardHandler)})
	r := api.New(api.Deps{Accounts: h.accounts, Log: slog.New(slog.DiscardHandler)})
	surface.Mount(r)
	h.surface = surface
	server := httptest.NewServer(r)
	h.url = server.URL
	h.Cleanup(func() { surface.Close(); server.Close() })
}

func (h *house) newToken(pool string) string {
	h.Helper()
	secret, _, err := h.accounts.CreateWorkerKey(h.Context(), "test", pool)
	if err != nil {
		h.Fatal(err)
	}
	return secret
}

// ask sends a body, JSON or not, with headers in pairs, and answers the status
// and the body.
func (h *house) ask(token, method, path, body string, headers ...string) (int, string) {
	h.Helper()
	r, err := http.NewRequestWithContext(h.Context(), method, h.url+"/worker/v1"+path, strings.NewReader(body))
	if err != nil {
		h.Fatal(err)
	}
	r.Header.Set("X-API-Key", token)
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		h.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		h.Fatal(err)
	}
	return res.StatusCode, string(text)
}

// want asks with the house's token and compares.
func (h *house) want(status int, answer, method, path, body string, headers ...string) {
	h.Helper()
	got, text := h.ask(h.token, method, path, body, headers...)
	if got != status || text != answer {
		h.Errorf("%s %s %.300s\ngot  %d %s\nwant %d %s", method, path, body, got, text, status, answer)
	}
}

const hello = `{"versions":{"min":1,"max":1},"name":"box","engine":{"engine":"comfyui","version":"1","definitions":"e30=","devices":[],"depth":1}}`

// open starts a session and is its path.
func (h *house) open(token, name string) string {
	h.Helper()
	status, text := h.ask(token, "POST", "/sessions", strings.Replace(hello, `"box"`, `"`+name+`"`, 1))
	var opened struct{ Session string }
	if err := json.Unmarshal([]byte(text), &opened); err != nil || status != 201 {
		h.Fatalf("open: %d %s", status, text)
	}
	return "/sessions/" + opened.Session
}

// submit puts a job of account a into a lane.
func (h *house) submit(prompt, lane string, inputs ...settee.JobInput) {
	h.Helper()
	_, err := h.queue.Submit(h.Context(), queue.Submission{AccountID: "a", PromptID: prompt, ClientID: "tab", Lane: queue.Lane(lane),
		Graph: settee.Graph{Prompt: json.RawMessage(`{"9":  {"class_type":"SaveImage","seed":18446744073709551615,"nan":NaN}}`),
			Outputs: []string{"9"}, ExtraData: json.RawMessage(`{}`), Inputs: inputs}})
	if err != nil {
		h.Fatal(err)
	}
}

// claim takes the job that is there; it is its path.
func (h *house) claim(token, session string) string {
	h.Helper()
	status, text := h.ask(token, "POST", session+"/claim", `{"wait_ms":10000}`)
	var lease struct {
		Job string
		N   int
	}
	if err := json.Unmarshal([]byte(text), &lease); err != nil || status != 200 {
		h.Fatalf("claim: %d %s", status, text)
	}
	return fmt.Sprintf("%s/jobs/%s/%d", session, lease.Job, lease.N)
}

func (h *house) job(prompt string) settee.Job {
	h.Helper()
	j, err := h.queue.Job(h.Context(), "a", prompt)
	if err != nil {
		h.Fatal(err)
	}
	return j
}

// heard are the frames that account a was shown since the last call: what was
// published before is there, for a subscriber hears in order.
func (h *house) heard() string {
	h.Helper()
	if err := h.bus.Publish(h.Context(), bus.Account+"a", []byte(`{"type":"mark"}`)); err != nil {
		h.Fatal(err)
	}
	var all []string
	for f := range h.frames {
		switch {
		case f.Type == "mark":
			return strings.Join(all, " ")
		case f.Type == "":
			all = append(all, "binary")
		case f.Type != "status":
			all = append(all, f.Type)
		}
	}
	return ""
}

// everything is what the database and the store keep, to see that nothing was
// changed. Times of sessions and workers are left out.
func (h *house) everything() string {
	h.Helper()
	var out bytes.Buffer
	err := h.db.Read(h.Context(), func(tx *store.Tx) error {
		for _, q := range []string{
			`SELECT id || state || reason || attempt || seq || outputs_count FROM jobs ORDER BY 1`,
			`SELECT job_id || '/' || n || session_id || COALESCE(ended_at, 0) FROM attempts ORDER BY 1`,
			`SELECT job_id || seq || type || data FROM job_events ORDER BY 1`,
			`SELECT id || type || subfolder || '/' || filename || hash FROM assets ORDER BY 1`,
			`SELECT hash FROM blobs ORDER BY 1`,
			`SELECT hash FROM blob_contents ORDER BY 1`,
			`SELECT job_id || node || asset_id FROM job_outputs ORDER BY 1`,
			`SELECT account_id || type || prefix || next FROM output_counters ORDER BY 1`,
			`SELECT name || pool || engine || devices FROM workers ORDER BY 1`,
			`SELECT name || definitions FROM pools ORDER BY 1`,
			`SELECT id || COALESCE(closed_at, 0) FROM worker_sessions ORDER BY 1`,
		} {
			rows, err := store.Collect(tx, store.One[string], q)
			if err != nil {
				return err
			}
			fmt.Fprintln(&out, q, rows)
		}
		return nil
	})
	if err != nil {
		h.Fatal(err)
	}
	return out.String()
}

func hashOf(content string) string {
	sum := blake3.Sum256([]byte(content))
	return fmt.Sprintf("%x", sum)
}

// put uploads content and answers its receipt.
func (h *house) put(session, content string) string {
	h.Helper()
	status, text := h.ask(h.token, "PUT", session+"/blobs/"+hashOf(content), content)
	var stored struct{ Receipt string }
	if err := json.Unmarshal([]byte(text), &stored); err != nil || status != 201 {
		h.Fatalf("put: %d %s", status, text)
	}
	return stored.Receipt
}

// saved is an execute's body for one new file.
func saved(number int, content, receipt, more string) string {
	return fmt.Sprintf(`{"number":%d,"receipts":{%q:%q},"executed":{"node":"9","display_node":"9","real_node":"9","output":[{"name":"images","entries":[
		{"new":{"blob":{"Hash":%q,"Size":%d},"type":"output","subfolder":"","prefix":"cat","suffix":"_.png","mime":"image/png"%s}}]}]}}`,
		number, hashOf(content), receipt, hashOf(content), len(content), more)
}

func sqlite(t *testing.T) *store.DB { return storetest.SQLite(t) }

func upload(name, content string) asset.Upload {
	return asset.Upload{File: settee.File{Filename: name, Type: settee.Input}, Content: strings.NewReader(content)}
}

// files are the names of all that is kept, half-written files too, and the hashes
// of what lies in the database.
func (h *house) files() string {
	h.Helper()
	all, err := filepath.Glob(filepath.Join(h.folder, "*", "*"))
	if err != nil {
		h.Fatal(err)
	}
	err = h.db.Read(h.Context(), func(tx *store.Tx) error {
		small, err := store.Collect(tx, store.One[string], `SELECT hash FROM blob_contents ORDER BY 1`)
		all = append(all, small...)
		return err
	})
	if err != nil {
		h.Fatal(err)
	}
	return strings.Join(all, " ")
}
