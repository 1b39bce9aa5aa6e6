package native

import (
	"encoding/json"
	"math"
	"strconv"
	"time"

	"github.com/settee/settee"
)

// exactStates is up to how many nodes in a graph every change is told with all
// the nodes that have started; above, at most stateRate tells what changed and
// what runs.
const (
	exactStates = 200
	stateRate   = 100 * time.Millisecond
)

// states are the nodes of a progress_state frame (protocol note 2.3).
type states struct {
	prompt  string // prompt id, as JSON
	exact   bool
	nodes   []*state // in the order they started
	byID    map[string]*state
	changed bool
	sent    time.Time
}

type state struct {
	id         string // as JSON
	value, max float64
	own        bool // the node told its progress itself: whole numbers are written as such
	word       string
	changed    bool
}

func newStates(promptID string, nodes int) *states {
	return &states{prompt: quoted(promptID), exact: nodes <= exactStates, byID: map[string]*state{}}
}

func (s *states) node(id string) *state {
	n := s.byID[id]
	if n == nil {
		n = &state{id: quoted(id), max: 1, own: true, word: "pending"}
		s.byID[id] = n
		s.nodes = append(s.nodes, n)
	}
	n.changed, s.changed = true, true
	return n
}

func (s *states) start(id string) {
	n := s.node(id)
	n.word, n.value, n.max, n.own = "running", 0, 1, false
}

func (s *states) progress(id string, value, total float64) {
	n := s.node(id)
	n.word, n.value, n.max, n.own = "running", value, total, true
}

func (s *states) finish(id string) {
	n := s.node(id)
	n.word, n.value = "finished", n.max
}

// frame is the next progress_state; false when nothing changed, or when it is
// too early for another (never when it is the last).
func (s *states) frame(now time.Time, last bool) (settee.Event, bool) {
	if !s.changed || !s.exact && !last && now.Sub(s.sent) < stateRate {
		return settee.Event{}, false
	}
	s.sent, s.changed = now, false
	b := []byte(`{"prompt_id":` + s.prompt + `,"nodes":{`)
	first := true
	for _, n := range s.nodes {
		if !s.exact && !n.changed && n.word != "running" {
			continue
		}
		n.changed = false
		if !first {
			b = append(b, ',')
		}
		first = false
		b = s.append(b, n)
	}
	return settee.Event{Type: settee.EventState, Data: append(b, "}}"...)}, true
}

func (s *states) append(b []byte, n *state) []byte {
	b = append(append(b, n.id...), `:{"value":`...)
	b = n.number(b, n.value)
	b = append(b, `,"max":`...)
	b = n.number(b, n.max)
	b = append(append(b, `,"state":"`...), n.word...)
	b = append(append(b, `","node_id":`...), n.id...)
	b = append(append(b, `,"prompt_id":`...), s.prompt...)
	b = append(append(b, `,"display_node_id":`...), n.id...)
	b = append(b, `,"parent_node_id":null,"real_node_id":`...)
	return append(append(b, n.id...), '}')
}

func (n *state) number(b []byte, v float64) []byte {
	if n.own {
		return appendNumber(b, v)
	}
	b = strconv.AppendFloat(b, v, 'f', -1, 64)
	if v == math.Trunc(v) {
		b = append(b, ".0"...)
	}
	return b
}

// appendNumber writes whole numbers without a point.
func appendNumber(b []byte, v float64) []byte { return strconv.AppendFloat(b, v, 'f', -1, 64) }

// quoted is a string as JSON.
func quoted(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err) // every string can be written
	}
	return string(b)
}
