// Package hostile asks a whole server as strangers do who mean no good, or know
// no better, over real connections. After each test the process must be the one
// it was, still do jobs, and have taken no more memory than a guest may.
package hostile_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/settee/settee/test/process"
)

// guest is how many bytes of memory one attack may cost a server.
const guest = 640 << 20

// house is a server under attack.
type house struct {
	t    *testing.T
	pid  int
	base int64  // its peak of memory, in bytes, before the attack
	api  string // "" where it is open, else "/api"
	key  string
	*process.Server
}

// enter starts a server; it is judged when the test ends.
func enter(t *testing.T, args ...string) *house {
	t.Helper()
	h := &house{t: t, Server: process.Serve(t, args...), api: "/api", key: process.Key}
	for _, a := range args {
		if a == "--open" {
			h.api, h.key = "", ""
		}
	}
	h.pid, h.base = h.PID(), h.Peak()
	t.Cleanup(h.unharmed)
	return h
}

// both runs f on a server with keys and on an open one.
func both(t *testing.T, f func(t *testing.T, h *house)) {
	t.Run("keys", func(t *testing.T) { f(t, enter(t)) })
	t.Run("open", func(t *testing.T) { f(t, enter(t, "--open")) })
}

// unharmed checks that the server does what it did before.
func (h *house) unharmed() {
	h.t.Helper()
	if h.PID() != h.pid {
		h.t.Error("the process is another one")
	}
	h.job(h.picture(0x123456), "completed")
	if grown := h.Peak() - h.base; grown > guest {
		h.t.Errorf("the attack took %d MiB", grown>>20)
	}
	if strings.Contains(h.Log(), "panic") {
		h.t.Errorf("something panicked:\n%s", h.Log())
	}
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   []byte
}

func (a answer) String() string {
	return fmt.Sprintf("%d %.300q", a.status, a.body)
}

// ask sends a request with the house's key; header is name, value, ….
func (h *house) ask(method, path string, body io.Reader, header ...string) answer {
	h.t.Helper()
	q, err := http.NewRequestWithContext(context.Background(), method, h.URL, body)
	if err != nil {
		h.t.Fatal(err)
	}
	q.URL.Opaque = path // as it is, whatever it is
	if h.key != "" {
		q.Header.Set("X-API-Key", h.key)
	}
	for i := 0; i < len(header); i += 2 {
		if header[i] == "Host" {
			q.Host = header[i+1]
		} else {
			q.Header.Set(header[i], header[i+1])
		}
	}
	res, err := straight.Do(q)
	if again, ok := body.(io.Seeker); ok && err != nil {
		// Refused before all of the body was sent: the client may miss the answer.
		if _, err := again.Seek(0, io.SeekStart); err == nil {
			return h.ask(method, path, io.MultiReader(body), header...)
		}
	}
	if err != nil {
		h.t.Errorf("%s %.80s: %v", method, path, err)
		return answer{header: http.Header{}}
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		h.t.Errorf("%s %.80s: %v", method, path, err)
	}
	return answer{res.StatusCode, res.Header, text}
}

// say sends a request's head as it is, and the body for as long as the server
// takes it, and reads what it answers meanwhile.
func (h *house) say(head string, body io.Reader) answer {
	h.t.Helper()
	conn := h.dial()
	defer conn.Close()
	go func() {
		if _, err := io.WriteString(conn, head); err == nil && body != nil {
			io.Copy(conn, body)
		}
	}()
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		h.t.Errorf("%.60q: %v", head, err)
		return answer{header: http.Header{}}
	}
	text, err := io.ReadAll(res.Body)
	if err != nil {
		h.t.Errorf("%.60q: %v", head, err)
	}
	return answer{res.StatusCode, res.Header, text}
}

// straight follows no redirects and keeps no connections.
var straight = &http.Client{
	Transport:     &http.Transport{DisableKeepAlives: true},
	Timeout:       time.Minute,
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// refused checks that an answer is an error of the client's, in our envelope.
func (h *house) refused(what string, a answer, status ...int) {
	h.t.Helper()
	for _, s := range status {
		if a.status != s {
			continue
		}
		var e struct{ Code, Message string }
		if err := json.Unmarshal(a.body, &e); err != nil || e.Code == "" || e.Message == "" {
			h.t.Errorf("%s: %v is not in the envelope", what, a)
		}
		if strings.Contains(string(a.body), h.Data) || strings.Contains(string(a.body), ".go:") {
			h.t.Errorf("%s: %v tells of the house", what, a)
		}
		return
	}
	h.t.Errorf("%s: answered %v, want %d", what, a, status)
}

// post submits a body to the house's prompt path.
func (h *house) post(body string) answer {
	h.t.Helper()
	return h.ask("POST", h.api+"/prompt", strings.NewReader(body))
}

// picture is the prompt of a workflow that saves one small picture.
func (h *house) picture(color int) string {
	return fmt.Sprintf(`{"1":{"class_type":"EmptyImage","inputs":{"width":8,"height":8,"batch_size":1,"color":%d}},
		"9":{"class_type":"SaveImage","inputs":{"images":["1",0],"filename_prefix":"hostile"}}}`, color)
}

// loaded is the prompt of a workflow that loads a picture and saves it.
func (h *house) loaded(name string) string {
	return fmt.Sprintf(`{"1":{"class_type":"LoadImage","inputs":{"image":%q}},
		"9":{"class_type":"SaveImage","inputs":{"images":["1",0],"filename_prefix":"hostile"}}}`, name)
}

// job submits a workflow and waits until it has ended as it should; the answer
// is GET /api/jobs/{id}.
func (h *house) job(prompt, want string) (id string, body []byte) {
	h.t.Helper()
	a := h.post(`{"prompt":` + prompt + `}`)
	var receipt struct {
		PromptID string `json:"prompt_id"`
	}
	if err := json.Unmarshal(a.body, &receipt); err != nil || a.status != http.StatusOK {
		h.t.Fatalf("submit: %v", a)
	}
	status, body := h.ended(receipt.PromptID)
	if status != want {
		h.t.Errorf("the job ended as %s, want %s: %.500s", status, want, body)
	}
	return receipt.PromptID, body
}

// ended waits for a job's end.
func (h *house) ended(id string) (status string, body []byte) {
	h.t.Helper()
	for deadline := time.Now().Add(time.Minute); ; {
		a := h.ask("GET", "/api/jobs/"+id, nil)
		var job struct{ Status string }
		if err := json.Unmarshal(a.body, &job); err != nil || a.status != http.StatusOK {
			h.t.Fatalf("job: %v", a)
		}
		if job.Status != "pending" && job.Status != "in_progress" {
			return job.Status, a.body
		}
		if time.Now().After(deadline) {
			h.t.Fatalf("the job is still %s", job.Status)
		}
		pause(5 * time.Millisecond)
	}
}

// upload sends a file; fields are name, value, ….
func (h *house) upload(filename string, content []byte, fields ...string) answer {
	h.t.Helper()
	return h.send(h.api+"/upload/image", filename, content, fields...)
}

func (h *house) send(path, filename string, content []byte, fields ...string) answer {
	h.t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for i := 0; i < len(fields); i += 2 {
		if err := form.WriteField(fields[i], fields[i+1]); err != nil {
			h.t.Fatal(err)
		}
	}
	part, err := form.CreatePart(map[string][]string{
		"Content-Disposition": {`form-data; name="image"; filename="` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(filename) + `"`},
		"Content-Type":        {"application/octet-stream"}})
	if err != nil {
		h.t.Fatal(err)
	}
	part.Write(content)
	form.Close()
	return h.ask("POST", path, &body, "Content-Type", form.FormDataContentType())
}

// uploaded is the name that an upload got.
func (h *house) uploaded(a answer) string {
	h.t.Helper()
	var u struct{ Name, Subfolder string }
	if err := json.Unmarshal(a.body, &u); err != nil || a.status != http.StatusOK || u.Name == "" {
		h.t.Fatalf("upload: %v", a)
	}
	return u.Name
}

// dial opens a connection to speak HTTP by hand.
func (h *house) dial() net.Conn {
	h.t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(h.URL, "http://"))
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { conn.Close() })
	return conn
}

// operator is the key in server.json.
func (h *house) operator() string {
	h.t.Helper()
	text, err := os.ReadFile(filepath.Join(h.Data, "server.json"))
	if err != nil {
		h.t.Fatal(err)
	}
	var s struct{ Key string }
	if err := json.Unmarshal(text, &s); err != nil || s.Key == "" {
		h.t.Fatalf("server.json: %s %v", text, err)
	}
	return s.Key
}

// guestOf is the same server with the key of an account of that name, made new.
func (h *house) guestOf(name string) *house {
	h.t.Helper()
	g := *h
	g.key = h.operator()
	if a := g.ask("POST", "/admin/accounts", strings.NewReader(`{"name":"`+name+`","tier":"pro"}`)); a.status != http.StatusCreated {
		h.t.Fatalf("account: %v", a)
	}
	a := g.ask("POST", "/admin/keys", strings.NewReader(`{"account":"`+name+`","name":"test"}`))
	var key struct{ Secret string }
	if err := json.Unmarshal(a.body, &key); err != nil || key.Secret == "" {
		h.t.Fatalf("key: %v", a)
	}
	g.key = key.Secret
	return &g
}

func pause(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	<-timer.C
}
