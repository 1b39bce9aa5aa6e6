package remote_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/settee/settee"
	"github.com/settee/settee/client"
	"github.com/settee/settee/internal/engine/comfyui/comfyuitest"
	"github.com/settee/settee/test/process"
)

// What a real ComfyUI says is Python's JSON: NaN and Infinity in it are null to
// everybody here, and a job that fails with them has failed, on the socket and in
// history, heard or read.
func TestNumbersThatAreNone(t *testing.T) {
	t.Parallel()
	for name, deaf := range map[string]bool{"heard": false, "read": true} {
		t.Run(name, func(t *testing.T) {
			bothOn(t, func(s *comfyuitest.Server) {
				s.Fail(comfyuitest.Faults{Lose: func(_ int, kind string) bool { return deaf && kind == settee.EventError }})
				s.Run(func(p *comfyuitest.Play) {
					p.Say("execution_start", "")
					p.Say("execution_cached", `, "nodes": [], "score": NaN`)
					p.Send("progress", `{"value": NaN, "max": Infinity, "prompt_id": "`+p.ID()+`", "node": "1"}`)
					p.Show("1", `{"text": ["NaN"], "numbers": [NaN, -Infinity, 1.5]}`, "1")
					p.Raise("1", "FakeText", "ValueError", "cannot convert float NaN to integer", `{"x": [NaN], "y": [[-Infinity, 1e400]]}`)
				})
			}, func(h *house) {
				heard := map[string]string{}
				j, err := h.user.Run(h.ctx(), client.Submission{Prompt: json.RawMessage(fake),
					ExtraData: json.RawMessage(`{"preview_method": "none", "mine": NaN}`)}, func(e client.Event) { heard[e.Type] = string(e.Data) })
				if err != nil {
					h.Fatal(err)
				}
				if j.State != settee.Failed || j.Error == nil || j.Error.Type != "ValueError" || j.Error.Message != "cannot convert float NaN to integer" {
					h.Errorf("ended %s: %+v", j.State, j.Error)
				}
				const inputs = `"current_inputs": {"x": [null], "y": [[null, null]]}`
				for kind, want := range map[string]string{
					settee.EventCached: `"score": null`, settee.EventProgress: `"value": null, "max": null`,
					settee.EventExecuted: `"numbers":[null,null,1.5]`, settee.EventError: inputs,
				} {
					if !json.Valid([]byte(heard[kind])) || !strings.Contains(squeezed(heard[kind]), squeezed(want)) {
						h.Errorf("%s is %s, want %s in it", kind, heard[kind], want)
					}
				}
				entry := h.get("/api/history/" + j.ID)
				for _, want := range []string{`"score":null`, `"text":["NaN"],"numbers":[null,null,1.5]`, inputs, `"mine":null`} {
					if !json.Valid([]byte(entry)) || !strings.Contains(squeezed(entry), squeezed(want)) {
						h.Errorf("history is %s, want %s in it", entry, want)
					}
				}
				if n := h.attempts(j.ID); n != 1 {
					h.Errorf("%d attempts", n)
				}
			})
		})
	}
}

// Partner keys reach ComfyUI beside numbers that are none.
func TestPartnerKeyBesideNaN(t *testing.T) {
	t.Parallel()
	var comfy *comfyuitest.Server
	bothOn(t, func(s *comfyuitest.Server) { comfy = s }, func(h *house) {
		j, err := h.user.Run(h.ctx(), client.Submission{Prompt: json.RawMessage(fake),
			ExtraData: json.RawMessage(`{"mine": NaN, "api_key_comfy_org": "partner-1"}`)}, nil)
		if err != nil || j.State != settee.Completed {
			h.Fatalf("%+v, %v", j, err)
		}
		prompts := comfy.Log().Prompts
		if len(prompts) != 1 || !strings.Contains(string(prompts[0]), `"partner-1"`) || !strings.Contains(string(prompts[0]), `"mine": NaN`) {
			h.Errorf("ComfyUI got %s", prompts)
		}
	})
}

// An error that is too large to be kept is told in brief.
func TestLargeError(t *testing.T) {
	t.Parallel()
	bothOn(t, func(s *comfyuitest.Server) {
		s.Run(func(p *comfyuitest.Play) {
			p.Say("execution_start", "")
			p.Raise("1", "FakeText", "ValueError", "no", `{"x": ["`+strings.Repeat("x", 3<<20)+`"]}`)
		})
	}, func(h *house) {
		j, err := h.user.Run(h.ctx(), client.Submission{Prompt: json.RawMessage(fake)}, nil)
		if err != nil {
			h.Fatal(err)
		}
		if j.State != settee.Failed || j.Error == nil || j.Error.NodeID != "1" || !strings.HasPrefix(j.Error.Message, "no") || h.attempts(j.ID) != 1 {
			h.Errorf("ended %s: %+v", j.State, j.Error)
		}
	})
}

// fake is a workflow of the ComfyUI that tests have.
const fake = `{"1": {"class_type": "FakeText", "inputs": {"text": "hello"}}}`

// bothOn is both, with a ComfyUI that does the work.
func bothOn(t *testing.T, prepare func(*comfyuitest.Server), f func(h *house)) {
	for name, remote := range map[string]bool{"in-process": false, "remote": true} {
		t.Run(name, func(t *testing.T) {
			s := comfyuitest.New(t)
			prepare(s)
			h := &house{T: t, remote: remote, data: t.TempDir(), comfyui: []string{s.URL}}
			h.serve()
			if remote {
				h.work()
			} else {
				h.ready()
			}
			f(h)
		})
	}
}

func (h *house) get(path string) string {
	h.Helper()
	r, err := http.NewRequestWithContext(h.ctx(), http.MethodGet, h.url+path, nil)
	if err != nil {
		h.Fatal(err)
	}
	r.Header.Set("X-API-Key", process.Key)
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		h.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		h.Fatalf("GET %s: %d %s, %v", path, res.StatusCode, text, err)
	}
	return string(text)
}

// squeezed is JSON without its spaces.
func squeezed(text string) string { return strings.ReplaceAll(fmt.Sprint(text), " ", "") }
