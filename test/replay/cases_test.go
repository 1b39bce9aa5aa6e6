package replay_test

import (
	"slices"
	"testing"

	"github.com/settee/settee/internal/engine/native/node"
	"github.com/settee/settee/internal/recording"
)

// otherwise are cases that end differently here on purpose (docs/differences.md).
var otherwise = map[string]string{
	"error-file-removed": "inputs are pinned, see TestInputsArePinned",
}

// keyless are cases about sockets that ComfyUI serves and accounts do not have.
var keyless = map[string]string{
	"no-client-id": "a bystander's socket hears another's prompt",
	"reconnect":    "who comes back is told all the job's events again",
}

// missing gives the classes of a case that the native engine does not know.
func missing(c recording.Case) (names []string) {
	all := node.All()
	for _, name := range c.Nodes {
		if !slices.ContainsFunc(all, func(k node.Class) bool { return k.Name == name }) {
			names = append(names, name)
		}
	}
	return names
}

// Every recorded workflow of native nodes, on an open server of its own.
func TestCases(t *testing.T) {
	for _, c := range recording.Cases(t) {
		if len(missing(c)) > 0 || otherwise[c.Name] != "" || raced && len(c.Outputs) > 12 {
			continue
		}
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			g := newGate()
			newPlay(t, c, serve(t, true, g), g).run()
			covered.cases.Add(1)
		})
	}
}

// The same on a server with keys, each as an account of its own. Tables of
// pixels are left to the open server: they do not depend on who asks.
func TestCasesWithKeys(t *testing.T) {
	t.Parallel()
	g := newGate()
	s := serve(t, false, g)
	for _, c := range recording.Cases(t) {
		if len(missing(c)) > 0 || otherwise[c.Name] != "" || keyless[c.Name] != "" || len(c.Outputs) > 12 {
			continue
		}
		t.Run(c.Name, func(t *testing.T) {
			newPlay(t, c, s.account(t, c.Name), g).run()
			covered.keyed.Add(1)
		})
	}
}

// Where ComfyUI misses a file that went after validation, a job has the bytes
// that there were when it was submitted.
func TestInputsArePinned(t *testing.T) {
	t.Parallel()
	c := recording.One(t, "error-file-removed")
	g := newGate()
	s := serve(t, true, g)
	p := newPlay(t, c, s, g)
	for i, prompt := range c.Prompts {
		p.submitted(i, s.ask("POST", "/prompt", prompt.Request))
	}
	s.upload(c.Inputs[0].Path, "input", recording.Part{Content: "8x8 RGB PNG"}.Bytes())
	g.lift()
	s.idle()
	a := s.ask("GET", "/view?filename=never_00001_.png", nil)
	want, got := decode(t, c.Inputs[0].Data), decode(t, a.body)
	if string(want) != string(got) {
		t.Errorf("the file that was saved has not the pixels that were there at submit: %d %d bytes", a.status, len(a.body))
	}
}
