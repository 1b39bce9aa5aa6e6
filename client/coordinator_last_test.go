package client_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/settee/settee"
	"github.com/settee/settee/client"
	"github.com/settee/settee/internal/engine"
	"github.com/settee/settee/internal/queue"
)

// office is a server that gives out one job and writes down what is told of it.
type office struct {
	version  int
	watched  bool
	finishes []http.HandlerFunc // the first answers to a finish; then it is taken
	executes []http.HandlerFunc

	mu  sync.Mutex
	log []string
}

// spoken is what a call tells, and how it answers.
func (o *office) spoken(answers *[]http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		type frame struct{ Type string }
		type output struct{ Executed *struct{ Node string } }
		var in struct {
			Frames []frame
			output
			Number, Told int
			State        string
			Last         []struct {
				frame
				output
			}
		}
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
			answer(400, `{}`)(w, r)
			return
		}
		o.mu.Lock()
		defer o.mu.Unlock()
		for _, f := range in.Frames {
			o.log = append(o.log, f.Type)
		}
		taken := answer(200, fmt.Sprintf(`{"told":%d,"output":"alone %d"}`, in.Number, in.Number))
		if in.Executed != nil {
			o.log = append(o.log, fmt.Sprintf("executed %s #%d", in.Executed.Node, in.Number))
		}
		if in.State != "" {
			var words, outputs []string
			for _, step := range in.Last {
				if step.Executed != nil {
					words, outputs = append(words, "executed "+step.Executed.Node), append(outputs, `"of `+step.Executed.Node+`"`)
				} else {
					words = append(words, cmp.Or(step.Type, "picture"))
				}
			}
			o.log = append(o.log, fmt.Sprintf("%s after %d %s", in.State, in.Told, words))
			taken = answer(200, `{"outputs":[`+strings.Join(outputs, ",")+`]}`)
		}
		if len(*answers) > 0 {
			taken, *answers = (*answers)[0], (*answers)[1:]
		}
		taken(w, r)
	}
}

// job opens a session and claims the job.
func (o *office) job(t *testing.T) (*client.Coordinator, queue.Attempt) {
	t.Helper()
	var none []http.HandlerFunc
	k := serve(t, map[string]http.HandlerFunc{
		"POST /worker/v1/sessions":                   answer(201, fmt.Sprintf(`{"version":%d,"session":"s","worker":"w","pool":"p","depth":1,"lease_ms":60000}`, o.version)),
		"POST /worker/v1/sessions/s/claim":           answer(200, `{"job":"j","n":1,"account":"a","prompt_id":"p","graph":"e30=","extra_data":"e30=","watched":`+fmt.Sprint(o.watched)+`}`),
		"POST /worker/v1/sessions/s/jobs/j/1/report": o.spoken(&none), "POST /worker/v1/sessions/s/jobs/j/1/execute": o.spoken(&o.executes),
		"POST /worker/v1/sessions/s/jobs/j/1/finish": o.spoken(&o.finishes),
	}).Coordinator(nil)
	_, at := opened(t, k)
	return k, at
}

// What comes last goes with the ending; a server of an older version is told it
// before, each step once however often the ending is tried. Pictures that nobody would see are
// not told.
func TestWhatComesLast(t *testing.T) {
	busy, refused := answer(503, `{}`), answer(400, `{"code":"invalid","message":"no"}`)
	const (
		alone    = "executed 8 #1; progress; executed 9 #2; progress_state; "
		together = "completed after 0 [executed 8 progress executed 9 progress_state]"
	)
	done := queue.Ending{State: settee.Completed, Event: settee.Event{Type: settee.EventSuccess, Data: []byte(`{}`)}}
	for what, c := range map[string]struct {
		office *office
		ending queue.Ending
		tries  int // of Finish, of which the last is taken
		log    string
		named  string
	}{
		"version 3":                 {&office{version: 3}, done, 1, together, `8"of 8" 9"of 9"`},
		"version 3, watched":        {&office{version: 3, watched: true}, done, 1, strings.Replace(together, "]", " picture]", 1), `8"of 8" 9"of 9"`},
		"version 3, busy":           {&office{version: 3, finishes: []http.HandlerFunc{busy}}, done, 1, together + "; " + together, `8"of 8" 9"of 9"`},
		"version 3, refused":        {&office{version: 3, finishes: []http.HandlerFunc{refused}}, done, 2, together + "; " + together, `8"of 8" 9"of 9"`},
		"version 3, it had ended":   {&office{version: 3, finishes: []http.HandlerFunc{answer(200, `{}`)}}, done, 1, together, ``},
		"version 3, handed back":    {&office{version: 3}, queue.Ending{State: settee.Pending, Reason: settee.ReasonDrained}, 1, "pending after 0 []", ``},
		"version 2":                 {&office{version: 2}, done, 1, alone + "completed after 2 []", `8"alone 1" 9"alone 2"`},
		"version 2, busy":           {&office{version: 2, executes: []http.HandlerFunc{busy}, finishes: []http.HandlerFunc{refused}}, done, 2, "executed 8 #1; " + alone + "completed after 2 []; completed after 2 []", `8"alone 1" 9"alone 2"`},
		"version 2, refused":        {&office{version: 2, finishes: []http.HandlerFunc{refused}}, done, 2, alone + "completed after 2 []; completed after 2 []", `8"alone 1" 9"alone 2"`},
		"version 2, twice":          {&office{version: 2, finishes: []http.HandlerFunc{refused, refused}}, done, 3, alone + "completed after 2 []; completed after 2 []; completed after 2 []", `8"alone 1" 9"alone 2"`},
		"version 2, handed back":    {&office{version: 2}, queue.Ending{State: settee.Pending, Reason: settee.ReasonDrained}, 1, "pending after 0 []", ``},
		"version 2, output refused": {&office{version: 2, executes: []http.HandlerFunc{refused}}, done, -1, "executed 8 #1", ``},
	} {
		t.Run(what, func(t *testing.T) {
			k, at := c.office.job(t)
			var named []string
			output := func(node string) queue.Step {
				return queue.Step{Executed: &engine.Executed{Node: node}, Named: func(output json.RawMessage) { named = append(named, node+string(output)) }}
			}
			frame := func(kind string) queue.Step {
				return queue.Step{Frame: settee.Frame{Type: kind, Data: []byte(`{}`)}}
			}
			var err error
			for try := range max(c.tries, 1) {
				if err = k.Finish(t.Context(), at, c.ending, output("8"), frame("progress"), output("9"),
					frame("progress_state"), queue.Step{Frame: settee.Frame{Node: "9", Binary: []byte("picture")}}); (err == nil) != (try == c.tries-1) {
					t.Fatalf("try %d: %v", try, err)
				}
			}
			c.office.mu.Lock()
			defer c.office.mu.Unlock()
			if got := strings.Join(c.office.log, "; "); got != c.log {
				t.Errorf("told %s\nwant %s", got, c.log)
			}
			if got := strings.Join(named, " "); got != c.named {
				t.Errorf("named %s, want %s", got, c.named)
			}
		})
	}
}
