package live_test

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime"
	"testing"

	"github.com/settee/settee/internal/bus"
	"github.com/settee/settee/internal/live"
)

// BenchmarkFanOut gives one progress_state of 20 nodes to many listeners, who
// take it.
func BenchmarkFanOut(b *testing.B) {
	for _, n := range []int{1, 100, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			h := newHouse(b, live.Options{})
			defer h.hub.Close()
			sessions := make([]*live.Session, n)
			for i := range sessions {
				sessions[i] = h.attach(live.Listener{ClientID: fmt.Sprint(i)})
				defer sessions[i].Close()
				sessions[i].Received([]byte(`{}`))
				heard(b, sessions[i])
			}
			j := &tale{job: "p"}
			f := j.frame("progress_state", "{}")
			nodes := map[string]any{}
			for i := range 20 {
				nodes[fmt.Sprint(i)] = map[string]any{"value": 1, "max": 20, "state": "running", "node_id": fmt.Sprint(i),
					"prompt_id": "p", "display_node_id": fmt.Sprint(i), "parent_node_id": nil, "real_node_id": fmt.Sprint(i)}
			}
			f.Data, _ = json.Marshal(map[string]any{"prompt_id": "p", "nodes": nodes})
			f.AccountID = acct
			body, _ := json.Marshal(f)
			b.ReportAllocs()
			for b.Loop() {
				if err := h.bus.Publish(context.Background(), bus.Account+acct, body); err != nil {
					b.Fatal(err)
				}
				for _, s := range sessions {
					if _, err := s.Next(context.Background()); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}

// BenchmarkIdleSession measures what a session costs in memory without its
// connection (B/session).
func BenchmarkIdleSession(b *testing.B) {
	h := newHouse(b, live.Options{})
	defer h.hub.Close()
	used := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	var sessions []*live.Session
	before := used()
	for b.Loop() {
		s := h.attach(live.Listener{ClientID: fmt.Sprint(len(sessions))})
		heard(b, s)
		sessions = append(sessions, s)
	}
	b.ReportMetric(float64(used()-before)/float64(len(sessions)), "B/session")
	for _, s := range sessions {
		s.Close()
	}
}
