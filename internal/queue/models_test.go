package queue_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/admission"
	"github.com/settee/settee/internal/pool"
	"github.com/settee/settee/internal/queue"
	"github.com/settee/settee/internal/workflow"
)

// nobody has no files.
type nobody struct{}

func (nobody) Account(string) workflow.Files { return nil }

// shop admits jobs that load checkpoints, and has workers with some.
type shop struct {
	*house
	admission *admission.Service
}

func newShop(h *house) *shop {
	pools := pool.New(h.db, nil, h.clock.Now)
	return &shop{h, admission.New(pools, nobody{}, h.Service, nil)}
}

// has is an engine's description: it has these checkpoints.
func has(names ...string) settee.Description {
	list, err := json.Marshal(names)
	if err != nil {
		panic(err)
	}
	return settee.Description{Engine: "comfyui", Version: "1", Depth: 1, Models: json.RawMessage(`{"checkpoints":` + string(list) + `}`),
		Definitions: json.RawMessage(`{"Loader":{"input":{"required":{"ckpt_name":[` + string(list) + `]}},"output":["MODEL"]},` +
			`"Save":{"input":{"required":{"model":["MODEL"]}},"output":[],"output_node":true}}`)}
}

func (s *shop) come(worker string, names ...string) queue.Session {
	s.t.Helper()
	ses, err := s.Open(s.t.Context(), worker, "gpu", has(names...))
	if err != nil {
		s.t.Fatal(err)
	}
	s.clock.Advance(2 * time.Second) // what is known of pools is a second old at most
	return ses
}

// ask submits a job that loads a checkpoint.
func (s *shop) ask(prompt, checkpoint string) error {
	graph := fmt.Sprintf(`{"1":{"class_type":"Loader","inputs":{"ckpt_name":%q}},"2":{"class_type":"Save","inputs":{"model":["1",0]}}}`, checkpoint)
	_, err := s.admission.Admit(s.t.Context(), settee.Account{ID: "a"}, admission.Request{Prompt: json.RawMessage(graph), PromptID: prompt})
	return err
}

func (s *shop) asks(prompt, checkpoint string) {
	s.t.Helper()
	if err := s.ask(prompt, checkpoint); err != nil {
		s.t.Fatalf("%s: %v", prompt, err)
	}
}

// does checks which job a worker takes next, and ends it.
func (s *shop) does(ses queue.Session, prompt string) {
	s.t.Helper()
	l := s.claim(ses)
	if l.PromptID != prompt {
		s.t.Fatalf("%s took %s, want %s", ses.WorkerID, l.PromptID, prompt)
	}
	s.finish(l, success(l))
}

func shops(t *testing.T, f func(t *testing.T, s *shop)) {
	each(t, settee.Tier{}, func(t *testing.T, h *house) { f(t, newShop(h)) })
}

// A job goes to the worker of the pool that has its model, whoever is idle.
func TestJobsGoToTheirModels(t *testing.T) {
	shops(t, func(_ *testing.T, s *shop) {
		one := s.come("one", "red", "both")
		two := s.come("two", "blue", "both")
		s.asks("1", "blue")
		s.asks("2", "red")
		s.none(s.again(one, "2"))
		s.does(two, "1")
		s.none(two)
		s.asks("3", "both")
		s.does(two, "3")
		s.asks("4", "both")
		s.does(one, "4")
		refused, _ := errors.AsType[*admission.Refused](s.ask("5", "green"))
		if refused == nil || refused.NodeErrors[0].Errors[0].Details != "ckpt_name: 'green' not in ['blue', 'both']" {
			s.t.Errorf("a model that nobody has: %+v", refused)
		}
		s.consistent()
	})
}

// again has a worker do a job and answers its session.
func (s *shop) again(ses queue.Session, prompt string) queue.Session {
	s.t.Helper()
	s.does(ses, prompt)
	return ses
}

// A job whose only worker is away is accepted, waits, and runs when it is back.
func TestJobsWaitForAWorkerThatIsAway(t *testing.T) {
	shops(t, func(_ *testing.T, s *shop) {
		one, two := s.come("one", "red"), s.come("two", "blue")
		if err := s.Close(s.t.Context(), one); err != nil {
			s.t.Fatal(err)
		}
		s.clock.Advance(2 * time.Second)
		s.asks("1", "red")
		s.none(two)
		s.does(s.come("one", "red"), "1")
		s.consistent()
	})
}

// What a worker says when it comes again is what it is given.
func TestModelsThatComeAndGo(t *testing.T) {
	shops(t, func(_ *testing.T, s *shop) {
		one, two := s.come("one", "red"), s.come("two", "blue")
		s.asks("1", "red")
		s.asks("2", "blue")
		if err := s.Close(s.t.Context(), one); err != nil {
			s.t.Fatal(err)
		}
		// The last worker that had it has it no more: the job waits.
		one = s.come("one", "green")
		s.reap()
		s.none(one)
		s.does(two, "2")
		if err := s.ask("3", "red"); err == nil {
			s.t.Error("a model that nobody has any more was accepted")
		}
		// Another worker gets it, with others.
		if err := s.Close(s.t.Context(), two); err != nil {
			s.t.Fatal(err)
		}
		two = s.come("two", "blue", "red")
		s.none(two)
		s.reap()
		s.none(one)
		s.does(two, "1")
		s.asks("4", "red")
		s.does(two, "4")
		s.consistent()
	})
}

// A worker that comes while jobs wait takes none that it cannot run, and its
// part of those that it can.
func TestAWorkerThatComesLate(t *testing.T) {
	shops(t, func(_ *testing.T, s *shop) {
		one := s.come("one", "red", "blue")
		for i, model := range []string{"red", "blue", "red", "blue"} {
			s.asks(fmt.Sprint(i), model)
		}
		two := s.come("two", "blue")
		s.none(two)
		s.reap()
		s.does(two, "1")
		s.does(two, "3")
		s.none(two)
		s.does(one, "0")
		s.does(one, "2")
		s.consistent()
	})
}

// A job that comes back from a worker is compared with those that have come
// meanwhile.
func TestAJobThatComesBack(t *testing.T) {
	shops(t, func(_ *testing.T, s *shop) {
		one := s.come("one", "red")
		s.asks("1", "red")
		s.claim(one)
		two := s.come("two", "red", "blue")
		s.reap()
		if err := s.Close(s.t.Context(), one); err != nil {
			s.t.Fatal(err)
		}
		if err := s.RemoveWorker(s.t.Context(), "one"); err != nil {
			s.t.Fatal(err)
		}
		s.reap()
		s.does(two, "1")
		s.consistent()
	})
}

// A worker that cannot follow a hint does not keep it from one that can.
func TestHintsReachTheWorkerThatCan(t *testing.T) {
	shops(t, func(t *testing.T, s *shop) {
		one, two := s.come("one", "red"), s.come("two", "blue")
		got := make(chan string, 2)
		for _, ses := range []queue.Session{one, two} {
			go func() {
				l, err := given(s.Claim(t.Context(), ses, false))
				if err == nil {
					got <- ses.WorkerID + " " + l.PromptID
				}
			}()
		}
		s.asks("1", "blue")
		s.asks("2", "red")
		want := map[string]bool{two.WorkerID + " 1": true, one.WorkerID + " 2": true}
		for range 2 {
			select {
			case g := <-got:
				if !want[g] {
					t.Errorf("%s", g)
				}
			case <-time.After(2 * time.Minute):
				t.Fatal("a hint was lost")
			}
		}
	})
}
