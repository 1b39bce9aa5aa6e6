package hostile_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/settee/settee/internal/recording"
)

// zeros is a body of any length without its weight.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

func TestPromptsThatMakeNoSense(t *testing.T) {
	both(t, func(t *testing.T, h *house) {
		many := strings.Builder{}
		for i := range 10_001 {
			fmt.Fprintf(&many, `"%d":{"class_type":"EmptyImage","inputs":{}},`, i)
		}
		long := strings.Builder{}
		for i := range 9_000 { // one chain of nodes, of which the last closes the ring
			fmt.Fprintf(&long, `"%d":{"class_type":"ImageInvert","inputs":{"image":["%d",0]}},`, i, (i+1)%9_000)
		}
		save := `"s":{"class_type":"SaveImage","inputs":{"images":["0",0],"filename_prefix":"x"}}`
		for name, body := range map[string]string{
			"nothing":                "",
			"no JSON":                "prompt=1",
			"half":                   `{"prompt":{"1":{"class_type":`,
			"a trailing comma":       `{"prompt":{},}`,
			"bytes that are no text": "{\"prompt\":\"\xff\xfe\"}",
			"NUL":                    "{\"prompt\":{\"\x00\":1}}",
			"null":                   "null",
			"a number":               "1e999",
			"a huge number":          strings.Repeat("9", 1<<20),
			"a text":                 `"prompt"`,
			"a list":                 `[{"prompt":{}}]`,
			"deep lists":             strings.Repeat("[", 5<<20),
			"deep objects":           strings.Repeat(`{"a":`, 1<<20),
			"a deep prompt":          `{"prompt":` + strings.Repeat(`{"a":`, 5000) + "1" + strings.Repeat("}", 5000) + "}",
			"deep extra_data":        `{"prompt":` + h.picture(1) + `,"extra_data":{"a":` + strings.Repeat("[", 5000) + strings.Repeat("]", 5000) + "}}",
			"no prompt":              `{"client_id":"a"}`,
			"prompt is a list":       `{"prompt":[1,2]}`,
			"prompt is a text":       `{"prompt":"x"}`,
			"prompt is null":         `{"prompt":null}`,
			"an empty prompt":        `{"prompt":{}}`,
			"a node that is text":    `{"prompt":{"1":"EmptyImage"}}`,
			"a class that is a list": `{"prompt":{"1":{"class_type":["EmptyImage"],"inputs":{}}}}`,
			"an unknown class":       `{"prompt":{"1":{"class_type":"__import__('os')","inputs":{}}}}`,
			"a node of itself":       `{"prompt":{"1":{"class_type":"ImageInvert","inputs":{"image":["1",0]}},"2":{"class_type":"PreviewImage","inputs":{"images":["1",0]}}}}`,
			"two nodes of another":   `{"prompt":{"1":{"class_type":"ImageInvert","inputs":{"image":["2",0]}},"2":{"class_type":"ImageInvert","inputs":{"image":["1",0]}},"3":{"class_type":"PreviewImage","inputs":{"images":["1",0]}}}}`,
			"a ring of 9,000":        `{"prompt":{` + long.String() + save + `}}`,
			"10,001 nodes":           `{"prompt":{` + strings.TrimSuffix(many.String(), ",") + `}}`,
			"a slot far away":        `{"prompt":{"1":{"class_type":"PreviewImage","inputs":{"images":["1",99999999999999999999]}}}}`,
		} {
			t.Run(name, func(t *testing.T) {
				a := h.post(body)
				h.refused(name, a, 400, 413)
				var e struct {
					Error      struct{ Type, Message string }
					NodeErrors json.RawMessage `json:"node_errors"`
				}
				if err := json.Unmarshal(a.body, &e); err != nil || e.Error.Type == "" || len(e.NodeErrors) == 0 {
					t.Errorf("%v has not what the editor shows", a)
				}
				if len(a.body) > 1<<20 {
					t.Errorf("the answer has %d bytes", len(a.body))
				}
			})
		}
	})
}

func TestBodiesThatAreTooLarge(t *testing.T) {
	both(t, func(t *testing.T, h *house) {
		const size = 100 << 20
		for _, path := range []string{h.api + "/prompt", h.api + "/queue", h.api + "/history", h.api + "/interrupt", h.api + "/free"} {
			h.refused("100 MB of JSON to "+path, h.ask("POST", path, io.LimitReader(zeros{}, size)), 413)
			known := h.ask("POST", path, io.NopCloser(io.LimitReader(zeros{}, 2)), "Content-Type", "application/json")
			if known.status >= 500 {
				t.Errorf("two blanks to %s: %v", path, known)
			}
		}
		text := append(append([]byte(`{"prompt":{"1":{"class_type":"EmptyImage","inputs":{"x":"`), bytes.Repeat([]byte("x"), size)...), `"}}}}`...)
		h.refused("one literal of 100 MB", h.say(fmt.Sprintf(
			"POST %s/prompt HTTP/1.1\r\nHost: 127.0.0.1\r\nX-API-Key: %s\r\nContent-Length: %d\r\n\r\n", h.api, h.key, len(text)), bytes.NewReader(text)), 413)
	})
}

// Bodies of every other path are as strange.
func TestCommandsThatMakeNoSense(t *testing.T) {
	both(t, func(t *testing.T, h *house) {
		paths := []string{"/queue", "/history", "/interrupt", "/free"}
		if h.api != "" {
			paths = append(paths, "/jobs/cancel")
		}
		for _, path := range paths {
			for _, body := range []string{"", "null", "[]", `"x"`, "1", "{", `{"delete":1}`, `{"delete":[1,null,{}]}`, `{"delete":{"a":1}}`,
				`{"clear":"yes"}`, `{"prompt_id":[]}`, "\x00", strings.Repeat("[", 100_000), `{"delete":["` + strings.Repeat("x", 1<<20) + `"]}`,
				`{"job_ids":[1]}`, `{"job_ids":null}`, `{"job_ids":["\ud800"]}`} {
				a := h.ask("POST", h.api+path, strings.NewReader(body))
				if a.status >= 500 || a.status < 200 {
					t.Errorf("%.40q to %s: %v", body, path, a)
				}
				if a.status >= 400 {
					h.refused(fmt.Sprintf("%.40q to %s", body, path), a, a.status)
				}
			}
		}
	})
}

// What was recorded to kill a ComfyUI, or to stop it for ever, is refused, and
// the next job runs.
func TestPoison(t *testing.T) {
	both(t, func(t *testing.T, h *house) {
		poison := 0
		for _, x := range recording.Errors(t) {
			if !strings.HasPrefix(x.Name, "poison-") {
				continue
			}
			poison++
			a := h.ask(x.Request.Method, h.api+x.Request.Path, bytes.NewReader(x.Request.Body()), "Content-Type", "application/json")
			if harmless := !x.Ended && (x.Alive == nil || *x.Alive); !harmless || a.status != 200 {
				h.refused(x.Name, a, 400)
			}
			h.job(h.picture(poison), "completed")
		}
		if poison < 10 {
			t.Errorf("only %d poisons", poison)
		}
	})
}
