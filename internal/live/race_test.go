package live_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/live"
	"github.com/settee/settee/internal/record"
)

// TestNoGapAndNoDuplicateForWhoeverComesWhenever lets listeners come at any
// moment of jobs that are written down first and shown then, as the queue does.
func TestNoGapAndNoDuplicateForWhoeverComesWhenever(t *testing.T) {
	const jobs, nodes, listeners = 4, 60, 24
	h := newHouse(t, live.Options{})
	defer h.hub.Close()
	var mu sync.Mutex
	written := make([][]settee.Frame, jobs)
	h.past.trails = func(time.Time) (all []record.Trail) {
		mu.Lock()
		defer mu.Unlock()
		for _, frames := range written {
			if len(frames) > 0 {
				all = append(all, running(frames...))
			}
		}
		return all
	}

	var publishers, readers sync.WaitGroup
	begin := make(chan struct{})
	stories := make([][]string, jobs)
	for i := range jobs {
		j := &tale{job: fmt.Sprint("job", i)}
		if i%2 == 0 {
			j.client = "me"
		}
		frames := []settee.Frame{j.start(), j.cached()}
		for n := range nodes {
			frames = append(frames, j.state(fmt.Sprint(n)), j.executing(fmt.Sprint(n)), j.progress(n), j.executed(fmt.Sprint(n)))
		}
		for _, f := range frames {
			if f.Seq > 0 {
				stories[i] = append(stories[i], texts(f)...)
			}
		}
		publishers.Go(func() {
			<-begin
			for _, f := range frames {
				if f.Seq > 0 {
					mu.Lock()
					written[i] = append(written[i], f)
					mu.Unlock()
				}
				h.publish(f)
			}
		})
	}
	for i := range listeners {
		readers.Go(func() {
			<-begin
			l := live.Listener{AccountID: acct, ClientID: "me"}
			if i%2 == 0 {
				l.ClientID = fmt.Sprint("listener", i)
			}
			s, err := h.hub.Attach(context.Background(), l)
			if err != nil {
				t.Error(err)
				return
			}
			defer s.Close()
			if i%3 == 0 {
				publishers.Wait() // comes when it is all over
			}
			s.Received([]byte(`{}`))
			follow(t, s, stories)
		})
	}
	close(begin)
	publishers.Wait()
	readers.Wait()
}

// follow reads until the last event of each job, and checks that the durable
// ones are whole and in order, and no progress is older than they are.
func follow(t *testing.T, s *live.Session, stories [][]string) {
	at := make([]int, len(stories))
	left := len(stories)
	for left > 0 {
		m, err := s.Next(context.Background())
		if err != nil {
			t.Error(err)
			return
		}
		var e struct {
			Type string
			Data struct {
				Prompt string `json:"prompt_id"`
				Node   string
				Value  int
			}
		}
		if err := json.Unmarshal(m.Text, &e); err != nil {
			t.Error(err)
			return
		}
		var job int
		if _, err := fmt.Sscanf(e.Data.Prompt, "job%d", &job); err != nil {
			continue // status
		}
		if !strings.HasPrefix(e.Type, "execut") || e.Type == "executing" {
			if e.Type == "progress" && e.Data.Value != at[job]-2 {
				t.Errorf("job %d: progress of node %d after %d events", job, e.Data.Value, at[job])
				return
			}
			continue
		}
		if at[job] == len(stories[job]) || string(m.Text) != stories[job][at[job]] {
			t.Errorf("job %d, event %d: got %s", job, at[job], m.Text)
			return
		}
		at[job]++
		if at[job] == len(stories[job]) {
			left--
		}
	}
}
