package comfyuitest

import (
	"cmp"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strconv"
	"sync"

	"github.com/google/uuid"

	"github.com/settee/settee/internal/pyjson"
)

// prompt is a submitted graph.
type prompt struct {
	number   float64
	id       string
	graph    json.RawMessage
	extra    json.RawMessage
	clientID string
	outputs  []string
	current  string // node that runs

	once sync.Once
	stop chan struct{} // closed by an interrupt
}

func (p *prompt) interrupt() { p.once.Do(func() { close(p.stop) }) }

// item is the prompt as /queue and /history show it.
func (p *prompt) item() json.RawMessage {
	raw, err := json.Marshal([]any{p.number, p.id, p.graph, p.extra, p.outputs})
	if err != nil {
		panic(err)
	}
	return raw
}

func (s *Server) remaining(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w.Write([]byte(`{"exec_info": {"queue_remaining": ` + strconv.Itoa(s.count()) + `}}`))
}

func (s *Server) submit(w http.ResponseWriter, r *http.Request) {
	raw, err := io.ReadAll(r.Body)
	body, bad := pyjson.Parse(raw)
	if err != nil || bad != nil {
		http.Error(w, "500 Internal Server Error\n\nServer got itself in trouble", http.StatusInternalServerError)
		return
	}
	p := &prompt{id: body.Get("prompt_id").Text(), clientID: body.Get("client_id").Text(), stop: make(chan struct{}), graph: json.RawMessage(body.Get("prompt").Raw())}
	if p.id == "" {
		p.id = uuid.NewString()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if newer := s.faults.Newer; newer && uuid.Validate(p.id) != nil {
		w.WriteHeader(http.StatusBadRequest)
		w.Write([]byte(`{"error": {"type": "invalid_prompt_id", "message": "prompt_id must be a valid UUID", "details": "", "extra_info": {}}, "node_errors": {}}`))
		return
	}
	p.number = float64(s.counter)
	s.counter++
	if n := body.Get("number"); n.Kind != pyjson.Absent {
		p.number = n.Float()
	}
	p.extra = extra(body.Get("extra_data"), p.clientID)
	if s.faults.Newer {
		p.extra = append([]byte(`{"create_time": 1770000000000, `), p.extra[1:]...)
	}
	var refusal string
	if p.outputs, refusal = s.validate(body); refusal != "" {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		w.WriteHeader(http.StatusBadRequest)
		w.Write([]byte(refusal))
		return
	}
	s.log.Prompts = append(s.log.Prompts, raw)
	s.queue = append(s.queue, p)
	s.status()
	select {
	case s.wake <- struct{}{}:
	default:
	}
	writeJSON(w, map[string]any{"prompt_id": p.id, "number": p.number, "node_errors": map[string]any{}})
}

// extra is extra_data with the client's id.
func extra(v pyjson.Value, clientID string) json.RawMessage {
	all := map[string]json.RawMessage{}
	if v.Kind == pyjson.Object {
		for _, m := range v.Members() {
			all[m.Key] = pyjson.Strict(m.Value)
		}
	}
	id, _ := json.Marshal(clientID)
	all["client_id"] = id
	raw, err := json.Marshal(all)
	if err != nil {
		panic(err)
	}
	return raw
}

func (s *Server) listQueue(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	run, wait := []json.RawMessage{}, []json.RawMessage{}
	if s.running != nil {
		run = append(run, s.running.item())
	}
	for _, p := range s.queue {
		wait = append(wait, p.item())
	}
	writeJSON(w, map[string]any{"queue_running": run, "queue_pending": wait})
}

func (s *Server) editQueue(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Clear  bool
		Delete []string
	}
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queue = slices.DeleteFunc(s.queue, func(p *prompt) bool {
		hit := body.Clear || slices.Contains(body.Delete, p.id)
		if hit {
			s.log.Deleted = append(s.log.Deleted, p.id)
		}
		return hit
	})
	s.status()
}

func (s *Server) interrupt(_ http.ResponseWriter, r *http.Request) {
	var body struct {
		ID string `json:"prompt_id"`
	}
	_ = json.NewDecoder(r.Body).Decode(&body) // unreadable counts as {}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hit(body.ID)
}

// hit interrupts what runs, if it is id or id is empty. The caller holds mu.
func (s *Server) hit(id string) bool {
	p := s.running
	if p == nil || id != "" && p.id != id {
		return false
	}
	if s.faults.LoseInterrupts > 0 {
		s.faults.LoseInterrupts--
		return true
	}
	s.log.Interrupted = append(s.log.Interrupted, p.id)
	p.interrupt()
	return true
}

func (s *Server) cancelJob(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.faults.Newer {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	id := r.PathValue("id")
	waiting := slices.ContainsFunc(s.queue, func(p *prompt) bool { return p.id == id })
	s.queue = slices.DeleteFunc(s.queue, func(p *prompt) bool { return p.id == id })
	if waiting {
		s.log.Deleted = append(s.log.Deleted, id)
		s.status()
	}
	writeJSON(w, map[string]bool{"cancelled": waiting || s.hit(id)})
}

func (s *Server) listHistory(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	out := []byte{'{'}
	for _, id := range s.order {
		if want := r.PathValue("id"); want != "" && want != id {
			continue
		}
		if len(out) > 1 {
			out = append(out, ", "...)
		}
		out = append(append(append(out, pyjson.Quote(id)...), ": "...), s.history[id]...)
	}
	w.Write(append(out, '}'))
}

func (s *Server) editHistory(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Clear  bool
		Delete []string
	}
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.order = slices.DeleteFunc(s.order, func(id string) bool {
		hit := body.Clear || slices.Contains(body.Delete, id)
		if hit {
			delete(s.history, id)
			s.log.Forgotten = append(s.log.Forgotten, id)
		}
		return hit
	})
}

// next takes the first prompt off the queue. The caller holds mu.
func (s *Server) next() *prompt {
	if len(s.queue) == 0 {
		return nil
	}
	slices.SortStableFunc(s.queue, func(a, b *prompt) int {
		return cmp.Or(cmp.Compare(a.number, b.number), cmp.Compare(a.id, b.id))
	})
	p := s.queue[0]
	s.queue = s.queue[1:]
	return p
}
