package replay_test

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/settee/settee/internal/pyjson"
	"github.com/settee/settee/internal/recording"
)

// play is a recorded case on its way through a server.
type play struct {
	*testing.T
	c       recording.Case
	s       *server
	gate    *gate
	gated   bool // things happen while slow nodes run
	idle    bool // slow nodes make nothing, so pixels tell nothing
	counts  bool // status frames are compared too
	sockets map[string]*listener
	ids     map[string]string       // recorded prompt id → ours
	names   map[string]string       // recorded and our prompt ids → P1, P2, …
	graphs  map[string]pyjson.Value // by name
	several map[string][]string     // by name: output nodes that run
	twins   map[string]map[string]string
	sent    int      // prompts
	offset  *float64 // of the recorded server's counter
}

// newPlay puts a case's files into their folders on a server whose engine is g;
// the account that asks has nothing yet.
func newPlay(t *testing.T, c recording.Case, s *server, g *gate) *play {
	p := &play{T: t, c: c, s: s, gate: g, sockets: map[string]*listener{}, ids: map[string]string{}, names: map[string]string{},
		graphs: map[string]pyjson.Value{}, several: map[string][]string{}, twins: map[string]map[string]string{}}
	p.gated = slices.Contains(c.Nodes, slow) && (len(c.Steps) > 1 || len(c.Sockets) > 1)
	p.counts = len(c.Prompts) == 1 && len(c.Sockets) == 1
	if p.gated {
		// What slow nodes make is compared once.
		p.idle = raced || !s.open
		g.set(func() { g.open, g.idle = false, p.idle })
		t.Cleanup(func() { g.set(func() { g.open, g.idle = true, false }) })
	}
	for _, f := range c.Inputs {
		p.s.upload(f.Path, "input", f.Data)
	}
	for _, f := range c.Presets {
		folder, name, _ := strings.Cut(f.Path, "/")
		p.s.upload(name, folder, f.Data)
	}
	for i, prompt := range c.Prompts {
		name := fmt.Sprintf("P%d", i+1)
		p.names[parse(t, prompt.Response).Get("prompt_id").Text()] = name
		p.graphs[name] = parse(t, prompt.Request).Get("prompt")
		for _, entry := range parse(t, prompt.History).Members() {
			for o := range entry.Value.Get("prompt").Index(4).Items() {
				p.several[name] = append(p.several[name], o.Text())
			}
			p.twins[name] = twins(entry.Value.Get("prompt").Index(2))
		}
	}
	delete(p.names, "")
	if c.Name == "queue-order" {
		p.warm(10)
	}
	return p
}

// warm has the server count n prompts. Where prompts that bring a number wait
// among those that were counted, the recorded counter was beyond them.
func (p *play) warm(n int) {
	for range n {
		p.s.ask(http.MethodPost, p.s.path("/prompt"), []byte(`{"prompt":{"1":{"class_type":"PreviewAny","inputs":{"source":"x"}}}}`))
	}
	p.s.idle()
	p.s.ask(http.MethodPost, p.s.path("/history"), []byte(`{"clear":true}`))
}

// run does what the recorded clients did, in their order, and compares.
func (p *play) run() {
	steps := p.c.Steps
	if len(steps) == 0 {
		steps = []recording.Step{{Method: http.MethodPost, Path: "/prompt", Prompt: 1, Status: p.c.Prompts[0].Status}}
	}
	for _, s := range steps {
		p.connect(s.T)
		p.reach(s.T)
		p.step(s)
	}
	for _, s := range p.c.Sockets {
		at := s.Frames[0].T
		p.reach(at)
		p.connect(at)
	}
	p.gate.lift()
	p.settle()
	histories := make([]pyjson.Value, len(p.c.Prompts))
	for i, prompt := range p.c.Prompts {
		id := p.ids[parse(p.T, prompt.Response).Get("prompt_id").Text()]
		histories[i] = parse(p.T, p.named(p.s.ask(http.MethodGet, p.s.path("/history/"+id), nil).body))
		p.sameHistory(i, parse(p.T, p.named(prompt.History)), histories[i])
	}
	for _, s := range p.c.Sockets {
		p.sameFrames("socket "+s.Name, p.recorded(s), p.heard(p.sockets[s.Name]))
	}
	p.sameFiles(histories)
}

// connect opens the sockets that were open at a time; who comes back with an id
// of an earlier socket has left that one.
func (p *play) connect(at float64) {
	for i, s := range p.c.Sockets {
		if s.Frames[0].T > max(at, 0) || p.sockets[s.Name] != nil {
			continue
		}
		for j := range i {
			if p.c.Clients[j].ClientID == p.c.Clients[i].ClientID {
				if err := p.sockets[p.c.Sockets[j].Name].conn.Close(1000, ""); err != nil {
					p.Fatal(err)
				}
			}
		}
		p.sockets[s.Name] = p.s.listen(p.c.Clients[i])
	}
}

// reach waits until what had been heard at a time in the recording has been
// heard here: without slow nodes, the end of everything that was submitted.
func (p *play) reach(at float64) {
	if !p.gated {
		p.settle()
		return
	}
	for _, s := range p.c.Sockets {
		l := p.sockets[s.Name]
		if l == nil {
			continue
		}
		var before, last event
		for _, f := range s.Frames {
			e := frame{text: f.Text}.event()
			if f.T >= at || e.Type != "executing" || p.ids[e.Data.PromptID] == "" {
				continue
			}
			if before = last; before.Data.Node != nil {
				p.gate.allow(p.ids[before.Data.PromptID], *before.Data.Node)
			}
			last = e
		}
		switch id := p.ids[last.Data.PromptID]; {
		case last.Type == "":
		case last.Data.Node == nil:
			l.executing(id, "")
		default:
			l.executing(id, *last.Data.Node)
		}
	}
}

// settle waits for the end of what was submitted and not deleted.
func (p *play) settle() {
	for i, prompt := range p.c.Prompts[:p.sent] {
		id := p.ids[parse(p.T, prompt.Response).Get("prompt_id").Text()]
		if prompt.Status != http.StatusOK || len(prompt.History) <= 2 {
			continue
		}
		p.s.poll("done with prompt "+fmt.Sprint(i+1), func() bool {
			return len(p.s.ask(http.MethodGet, p.s.path("/history/"+id), nil).body) > 2
		})
		client := parse(p.T, prompt.Request).Get("client_id").Text()
		for j, c := range p.c.Clients {
			l := p.sockets[c.Socket]
			switch {
			case l == nil, slices.ContainsFunc(p.c.Clients[j+1:], func(later recording.Client) bool {
				return later.ClientID == c.ClientID && p.sockets[later.Socket] != nil
			}):
			case c.ClientID == client:
				l.executing(id, "")
			case client == "":
				l.until("an empty queue", func() func(frame) bool {
					ran := false
					return func(f frame) bool {
						ran = ran || f.event().Type == "progress_state"
						return ran && bytes.Contains(f.text, []byte(`"queue_remaining":0`))
					}
				}())
			}
		}
	}
}

// step sends a recorded request and compares the answer.
func (p *play) step(s recording.Step) {
	p.Helper()
	body, target := s.Request, s.Path
	if s.Prompt > 0 {
		p.replace(s.Prompt)
		body = p.c.Prompts[s.Prompt-1].Request
	}
	for recorded, ours := range p.ids {
		target = strings.ReplaceAll(target, recorded, ours)
		if s.Prompt == 0 {
			body = bytes.ReplaceAll(body, []byte(recorded), []byte(ours))
		}
	}
	a := p.s.ask(s.Method, p.s.path(target), body, "Content-Type", "application/json")
	if a.status != s.Status {
		p.Fatalf("%s %s: got %d %s, recorded %d", s.Method, target, a.status, a.body, s.Status)
	}
	switch {
	case s.Prompt > 0:
		p.submitted(s.Prompt-1, a)
	case s.Response == nil:
		if len(a.body) > 0 && p.s.open {
			p.Errorf("%s %s: got %s, recorded nothing", s.Method, target, a.body)
		}
	case strings.HasPrefix(s.Path, "/history/"):
		want := parse(p.T, p.named(s.Response))
		i := 0
		for _, m := range want.Members() {
			if _, err := fmt.Sscanf(m.Key, "P%d", &i); err != nil {
				p.Fatal(err)
			}
			i--
		}
		p.sameHistory(i, want, parse(p.T, p.named(a.body)))
	case s.Path == "/queue":
		p.sameQueue(parse(p.T, p.named(s.Response)), parse(p.T, p.named(a.body)))
	default:
		if g, w := plain(parse(p.T, a.body)), plain(parse(p.T, s.Response)); g != w {
			p.Errorf("%s %s\n want %s\n have %s", s.Method, target, w, g)
		}
	}
	if s.Path == "/interrupt" && p.running(s) != "" {
		select {
		case <-p.gate.stopped:
		case <-time.After(patience):
			p.Fatal("the interrupt did not reach the node")
		}
	}
}

// submitted notes a prompt and compares the answer; a slow one is let begin.
func (p *play) submitted(i int, a answer) {
	p.Helper()
	p.sent = i + 1
	recorded, ours := parse(p.T, p.c.Prompts[i].Response).Get("prompt_id").Text(), parse(p.T, a.body).Get("prompt_id").Text()
	name := fmt.Sprintf("P%d", i+1)
	if a.status == http.StatusOK {
		p.ids[recorded], p.names[ours] = ours, name
	}
	p.sameResponse(i, a)
	if !p.gated {
		return
	}
	for _, m := range p.graphs[name].Members() {
		if m.Value.Get("class_type").Text() != slow {
			continue
		}
		for j, c := range p.c.Clients {
			if c.ClientID == parse(p.T, p.c.Prompts[i].Request).Get("client_id").Text() && p.sockets[c.Socket] != nil && j == 0 {
				p.sockets[c.Socket].executing(ours, m.Key)
			}
		}
		break
	}
	if want := p.c.Before; want != nil && len(p.c.Prompts) == p.sent {
		p.sameQueue(parse(p.T, p.named(want)), parse(p.T, p.named(p.s.ask(http.MethodGet, p.s.path("/queue"), nil).body)))
	}
}

// running is the prompt that an interrupt stops: the one it names, or that runs.
func (p *play) running(s recording.Step) string {
	if s.Request == nil {
		return fmt.Sprintf("P%d", p.sent)
	}
	return p.names[parse(p.T, s.Request).Get("prompt_id").Text()]
}

// replace changes an input between two prompts, in the case that is about it:
// what was loaded tells how it was before.
func (p *play) replace(n int) {
	if p.c.Name != "input-replaced" || n > 2 {
		return
	}
	for _, f := range p.c.Inputs {
		data := f.Data
		if n == 1 {
			i := slices.IndexFunc(p.c.Outputs, func(o recording.Output) bool { return o.Filename == "loaded_00001_.png" })
			data = p.c.Outputs[i].PNG
		}
		p.s.upload(f.Path, "input", data)
	}
}
