package cli_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/coder/websocket"

	"github.com/settee/settee/internal/cli"
)

// cloud is a server that runs one job as told.
type cloud struct {
	t        *testing.T
	frames   []string // with ID for the job's id
	status   string   // how the job ends; "" when it goes on until it is cancelled
	job      string   // members of the job's detail beyond id and status
	files    map[string]string
	refusal  string // the answer 400 to a submit
	received string // the last prompt request
	uploads  []string
	uploadAs string // what an upload is called by the server

	mu        sync.Mutex
	id        string
	submitted chan struct{}
	cancelled chan struct{}
}

func newCloud(t *testing.T) *cloud {
	return &cloud{t: t, status: "completed", files: map[string]string{}, submitted: make(chan struct{}), cancelled: make(chan struct{})}
}

const definitions = `{
"LoadImage":{"input":{"required":{"image":[["a.png"],{"image_upload":true}]}},"output":["IMAGE"],"output_node":false},
"Noise":{"input":{"required":{"seed":["INT",{}],"strength":["FLOAT",{}],"on":["BOOLEAN",{}],"text":["STRING",{}],"mode":[["1","b"],{}]},"optional":{"extra":["INT",{}]}},"output":["IMAGE"],"output_node":false}}`

func (c *cloud) serve() string {
	var all map[string]json.RawMessage
	if err := json.Unmarshal([]byte(definitions), &all); err != nil {
		c.t.Fatal(err)
	}
	return fake(c.t, map[string]http.HandlerFunc{
		"GET /ws": func(w http.ResponseWriter, r *http.Request) {
			conn, err := websocket.Accept(w, r, nil)
			if err != nil {
				return
			}
			defer conn.CloseNow()
			ctx := conn.CloseRead(r.Context())
			select {
			case <-c.submitted:
			case <-ctx.Done():
				return
			}
			for _, frame := range c.frames {
				conn.Write(ctx, websocket.MessageText, []byte(strings.ReplaceAll(frame, "ID", c.id)))
			}
			<-ctx.Done()
		},
		"GET /readyz": answer(200, `{}`),
		"GET /api/object_info/{class}": func(w http.ResponseWriter, r *http.Request) {
			class := r.PathValue("class")
			if all[class] == nil {
				answer(200, "{}")(w, r)
				return
			}
			answer(200, fmt.Sprintf(`{%q:%s}`, class, all[class]))(w, r)
		},
		"POST /api/prompt": func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			c.received = string(body)
			if c.refusal != "" {
				answer(400, c.refusal)(w, r)
				return
			}
			var request struct {
				PromptID string `json:"prompt_id"`
			}
			if err := json.Unmarshal(body, &request); err != nil {
				c.t.Error(err)
			}
			c.id = request.PromptID
			answer(200, fmt.Sprintf(`{"prompt_id":%q,"number":1,"node_errors":{}}`, c.id))(w, r)
			close(c.submitted)
		},
		"GET /api/job/{id}/status": func(w http.ResponseWriter, r *http.Request) { answer(200, fmt.Sprintf(`{"status":%q}`, c.now()))(w, r) },
		"GET /api/jobs/{id}": func(w http.ResponseWriter, r *http.Request) {
			answer(200, fmt.Sprintf(`{"id":%q,"status":%q,"create_time":1%s}`, c.id, c.now(), c.job))(w, r)
		},
		"POST /api/jobs/{id}/cancel": func(w http.ResponseWriter, r *http.Request) {
			close(c.cancelled)
			answer(200, `{"cancelled":true}`)(w, r)
		},
		"GET /api/view":          func(w http.ResponseWriter, r *http.Request) { c.view(w, r) },
		"POST /api/upload/image": func(w http.ResponseWriter, r *http.Request) { c.upload(w, r) },
	})
}

func (c *cloud) now() string {
	select {
	case <-c.cancelled:
		return "cancelled"
	default:
	}
	if c.status == "" {
		return "in_progress"
	}
	return c.status
}

func (c *cloud) view(w http.ResponseWriter, r *http.Request) {
	content, ok := c.files[r.URL.Query().Get("subfolder")+"|"+r.URL.Query().Get("filename")]
	if !ok {
		answer(404, `{"code":"not_found","message":"no such file"}`)(w, r)
		return
	}
	io.WriteString(w, content)
}

func (c *cloud) upload(w http.ResponseWriter, r *http.Request) {
	f, head, err := r.FormFile("image")
	if err != nil {
		c.t.Error(err)
		return
	}
	content, _ := io.ReadAll(f)
	c.mu.Lock()
	c.uploads = append(c.uploads, r.FormValue("subfolder")+"/"+head.Filename+"="+string(content))
	c.mu.Unlock()
	name := head.Filename
	if c.uploadAs != "" {
		name = c.uploadAs
	}
	answer(200, fmt.Sprintf(`{"name":%q,"subfolder":%q,"type":"input"}`, name, r.FormValue("subfolder")))(w, r)
}

const graph = `{"3": {"class_type": "Noise", "inputs": {"seed": 1, "strength": 0.5, "on": true, "text": "x", "mode": "b", "odd": 1}, "_meta": {"title": "Grain"}},
 "4": {"class_type": "Save", "inputs": {"images": ["3", 0]}}}`

func events(pairs ...string) []string {
	var frames []string
	for i := 0; i+1 < len(pairs); i += 2 {
		frames = append(frames, fmt.Sprintf(`{"type":%q,"data":{"prompt_id":"ID"%s}}`, pairs[i], pairs[i+1]))
	}
	return frames
}

var whole = events(
	"execution_start", ``,
	"execution_cached", `,"nodes":[]`,
	"executing", `,"node":"3","display_node":"3"`,
	"progress", `,"node":"3","value":1,"max":2`,
	"executing", `,"node":"4","display_node":"4"`,
	"executed", `,"node":"4","output":{}`,
	"execution_success", ``)

func TestRunSavesWhatTheWorkflowMakes(t *testing.T) {
	s, c := newShell(t), newCloud(t)
	c.frames = whole
	c.job = `,"outputs":{"4":{"images":[{"filename":"a.png","subfolder":"","type":"output"},{"filename":"b.png","subfolder":"x/y","type":"temp"}],"text":["forty-two"]}}`
	c.files = map[string]string{"|a.png": "A", "x/y|b.png": "B"}
	s.write("w.json", graph)
	server := c.serve()
	code := s.run("run", "w.json", "--server", server, "--partner-key", "p<k")
	s.want(code, 0, "node 4 \"Save\": forty-two\noutputs/a.png\noutputs/x/y/b.png\n", "submitted ", "node 3 \"Grain\"\nnode 4 \"Save\"\ncompleted in ")
	for name, want := range map[string]string{"outputs/a.png": "A", "outputs/x/y/b.png": "B"} {
		if got, err := os.ReadFile(name); string(got) != want {
			t.Errorf("%s is %q, %v", name, got, err)
		}
	}
	if want := `{"prompt":` + graph + `,"extra_data":{"api_key_comfy_org":"p\u003ck"},"prompt_id":"`; !strings.HasPrefix(c.received, want) {
		t.Errorf("sent %s", c.received)
	}
	if left, _ := os.ReadDir("outputs"); len(left) != 2 {
		t.Errorf("left in the folder: %v", left)
	}
}

func TestRunDoesNotOverwrite(t *testing.T) {
	s := newShell(t)
	s.write("w.json", graph)
	for i, step := range []struct{ content, out, says string }{
		{"one", "outputs/a.png\n", ""},
		{"one", "outputs/a.png\n", "(it was there already, with the same bytes)"},
		{"two", "outputs/a (1).png\n", "(outputs/a.png is another file and was kept)"},
		{"two", "outputs/a (1).png\n", "(it was there already, with the same bytes)"},
		{"six", "outputs/a (2).png\n", "(outputs/a.png is another file and was kept)"},
	} {
		c := newCloud(t)
		c.frames, c.files = whole, map[string]string{"|a.png": step.content}
		c.job = `,"outputs":{"4":{"gifs":[{"filename":"a.png"}]}}`
		s.want(s.run("run", "w.json", "--server", c.serve()), 0, step.out, step.says)
		path := strings.TrimSpace(step.out)
		if got, err := os.ReadFile(path); string(got) != step.content {
			t.Errorf("step %d: %s is %q, %v", i, path, got, err)
		}
	}
}

func TestRunWritesNowhereElse(t *testing.T) {
	s, c := newShell(t), newCloud(t)
	outside := t.TempDir()
	if err := os.Mkdir("outputs", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, "outputs/link"); err != nil {
		t.Fatal(err)
	}
	names := []struct{ subfolder, filename, lands string }{
		{"", "../../up.png", "outputs/up.png"},
		{"../..", "up2.png", "outputs/up2.png"},
		{"/etc", "passwd", "outputs/etc/passwd"},
		{`..\..\w`, `c:\x\y.png`, "outputs/w/y.png"},
		{"", "..", "outputs/output"},
		{"", "a\x1b[31m\nb", "outputs/a[31m_b"},
		{"link", "out.png", ""},
	}
	var files []string
	for _, n := range names {
		c.files[n.subfolder+"|"+n.filename] = n.filename
		entry, _ := json.Marshal(map[string]string{"filename": n.filename, "subfolder": n.subfolder, "type": "output"})
		files = append(files, string(entry))
	}
	c.frames = whole
	c.job = `,"outputs":{"4":{"images":[` + strings.Join(files, ",") + `]}}`
	s.write("w.json", graph)
	var out strings.Builder
	for _, n := range names {
		if n.lands != "" {
			out.WriteString(n.lands + "\n")
		}
	}
	s.want(s.run("run", "w.json", "--server", c.serve()), 1, out.String(), "out.png of node 4")
	if left, _ := os.ReadDir(outside); len(left) > 0 {
		t.Errorf("written outside: %v", left)
	}
	for _, n := range names {
		if n.lands != "" {
			if got, err := os.ReadFile(n.lands); string(got) != n.filename {
				t.Errorf("%s is %q, %v", n.lands, got, err)
			}
		}
	}
}

func TestRunOfARefusedWorkflow(t *testing.T) {
	s, c := newShell(t), newCloud(t)
	c.refusal = `{"error":{"type":"prompt_outputs_failed_validation","message":"Prompt outputs failed validation","details":"","extra_info":{}},
"node_errors":{"3":{"errors":[{"type":"value_smaller_than_min","message":"Value 0 smaller than min of 1","details":"width","extra_info":{"input_name":"width","input_config":["INT",{"min":1}],"received_value":0}}],"dependent_outputs":["4"],"class_type":"Noise"}}}`
	s.write("w.json", graph)
	server := c.serve()
	s.want(s.run("run", "w.json", "--server", server), 2, "", "the workflow is refused\n  node 3 \"Grain\": width 0 is below the minimum 1\n")
	if code := s.run("run", "w.json", "--server", server, "--json"); code != 2 || !strings.HasPrefix(s.out.String(), `{"type":"error","data":{"message":"Prompt outputs failed validation","code":"prompt_outputs_failed_validation","node_errors":{"3":`) {
		t.Errorf("exit %d: %s", code, s.out.String())
	}
	if !strings.Contains(s.err.String(), "width 0 is below the minimum 1") {
		t.Errorf("standard error: %s", s.err.String())
	}
	c.refusal = `{"error":{"type":"prompt_no_outputs","message":"Prompt has no outputs","details":""},"node_errors":{}}`
	s.want(s.run("run", "w.json", "--server", server), 2, "", "refused\n  Prompt has no outputs\n")
	c.refusal = `{"error":{"type":"missing_node_type","message":"A node has no class.","details":"Node ID '#3'"},"node_errors":{}}`
	s.want(s.run("run", "w.json", "--server", server), 2, "", "refused\n  A node has no class: Node ID '#3'\n")
}

func TestRunOfAFailedJob(t *testing.T) {
	s, c := newShell(t), newCloud(t)
	c.status, c.frames = "failed", events("execution_error", ``)
	c.job = `,"execution_error":{"node_id":"3","node_type":"Noise","exception_type":"ValueError","exception_message":"too \u001b[1mloud\n"}`
	s.write("w.json", graph)
	s.want(s.run("run", "w.json", "--server", c.serve()), 1, "", "settee: node 3 \"Grain\" (Noise): too [1mloud\n")
}

func TestRunAsNDJSON(t *testing.T) {
	s, c := newShell(t), newCloud(t)
	c.frames, c.files = whole, map[string]string{"|a.png": "A"}
	c.job = `,"outputs":{"4":{"images":[{"filename":"a.png"}],"text":["t"]}}`
	s.write("w.json", graph)
	if code := s.run("run", "w.json", "--server", c.serve(), "--json", "--output-dir", "o"); code != 0 {
		t.Fatalf("exit %d: %s", code, s.err.String())
	}
	var types []string
	var last struct {
		Data struct {
			Status  string
			Outputs []string
		}
	}
	for text := range strings.Lines(s.out.String()) {
		var e struct{ Type string }
		if err := json.Unmarshal([]byte(text), &e); err != nil || !strings.HasPrefix(text, `{"type":`) {
			t.Fatalf("%q: %v", text, err)
		}
		types = append(types, e.Type)
		json.Unmarshal([]byte(text), &last)
	}
	if got := fmt.Sprint(types); got != "[submitted execution_start execution_cached executing progress executing executed execution_success text saved result]" {
		t.Errorf("events %s", got)
	}
	if last.Data.Status != "completed" || fmt.Sprint(last.Data.Outputs) != "[o/a.png]" {
		t.Errorf("result %+v", last)
	}
}

func TestRunIsInterrupted(t *testing.T) {
	s, c := newShell(t), newCloud(t)
	c.status = ""
	s.write("w.json", graph)
	ctx, cancel := context.WithCancelCause(t.Context())
	go func() {
		<-c.submitted
		cancel(&cli.Interrupted{Name: "interrupt", Number: 2})
	}()
	s.want(s.runUntil(ctx, "run", "w.json", "--server", c.serve()), 130, "", "stopped by interrupt; job ", ": cancelled\n")
	select {
	case <-c.cancelled:
	default:
		t.Error("the job was not cancelled on the server")
	}
}

func TestRunTakesTooLong(t *testing.T) {
	s, c := newShell(t), newCloud(t)
	c.status = ""
	s.write("w.json", graph)
	s.want(s.run("run", "w.json", "--server", c.serve(), "--timeout", "1s"), 1, "", "not done within 1s (--timeout); job ", ": cancelled\n")
}

func TestRunRefusesWhatIsNoWorkflow(t *testing.T) {
	s := newShell(t)
	s.write("ui.json", `{"last_node_id":9,"nodes":[],"links":[],"version":0.4}`)
	s.write("broken.json", `{"3":`)
	s.write("list.json", `[]`)
	s.want(s.run("run", "ui.json"), 2, "", "ui.json is a workflow as the editor saves it", "Workflow > Export (API)")
	s.want(s.run("run", "broken.json"), 2, "", "broken.json is not JSON: ")
	s.want(s.run("run", "list.json"), 2, "", "list.json: The prompt must be a workflow in API format")
	s.want(s.run("run", "none.json"), 2, "", "none.json: no such file")
}

func TestRunReadsStandardInput(t *testing.T) {
	s, c := newShell(t), newCloud(t)
	c.frames = whole
	s.program.In = strings.NewReader("\uFEFF" + graph)
	s.want(s.run("run", "-", "--server", c.serve()), 0, "", "completed")
	if !strings.HasPrefix(c.received, `{"prompt":`+graph) {
		t.Errorf("sent %s", c.received)
	}
}

func TestRunStartsItsOwnServer(t *testing.T) {
	s, c := newShell(t), newCloud(t)
	c.frames = whole
	s.write("w.json", graph)
	var folder string
	stopped := false
	s.program.Start = func(_ context.Context, o cli.Serve, _ *slog.Logger) (cli.Server, error) {
		folder = o.Data
		if info, err := os.Stat(folder); err != nil || !info.IsDir() {
			t.Errorf("data folder: %v", err)
		}
		if o.Listen != "127.0.0.1:0" {
			t.Errorf("listens on %s", o.Listen)
		}
		return own{url: c.serve(), stopped: &stopped}, nil
	}
	s.want(s.run("run", "w.json"), 0, "", "completed")
	if !stopped {
		t.Error("the server was not stopped")
	}
	if _, err := os.Stat(folder); !os.IsNotExist(err) {
		t.Errorf("the data folder %s was left: %v", folder, err)
	}
}

type own struct {
	url     string
	stopped *bool
}

func (o own) URL() string                              { return o.url }
func (o own) FirstKey(context.Context) (string, error) { return "", nil }
func (o own) Key(context.Context) (string, error)      { return "k", nil }
func (o own) Run(ctx context.Context) error {
	<-ctx.Done()
	*o.stopped = true
	return nil
}
