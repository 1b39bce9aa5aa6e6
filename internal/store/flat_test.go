package store

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/queue"
	"github.com/settee/settee/internal/workflow"
)

// A claim asks the database as often beside a thousand waiting jobs that each
// need another set of models as beside one job: lanes are as many as there are
// sets of workers.
func TestClaimsAreFlatInModelSets(t *testing.T) {
	const sets = 1000
	definitions := [2]string{}
	for w := range definitions {
		list := `"both"`
		for i := w; i < sets; i += 2 {
			list += fmt.Sprintf(`,"m%d"`, i)
		}
		definitions[w] = `{"Loader":{"input":{"required":{"ckpt_name":[[` + list + `]]}}}}`
	}
	asked := func(sets int) (statements int, lanes []queue.Lane) {
		db, err := Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "settee.db"))
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		now := time.UnixMicro(1000)
		if err := db.Write(t.Context(), func(tx *Tx) error {
			if _, err := tx.Exec(`INSERT INTO tiers (name, api, concurrent, queue_limit, runtime_cap, monthly_credits, weight)
				VALUES ('t', $1, 0, 0, 0, 0, 1)`, true); err != nil {
				return err
			}
			_, err := tx.Exec(`INSERT INTO accounts (id, name, tier, disabled, created_at) VALUES ('a', 'a', 't', $1, 1)`, false)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		var session queue.Session
		for w, d := range definitions {
			session = queue.Session{ID: fmt.Sprint("s", w), WorkerID: fmt.Sprint("w", w), Pool: "gpu"}
			if _, err := db.OpenSession(t.Context(), queue.Opening{Session: session, Worker: session.WorkerID, Until: now.Add(time.Hour),
				Description: settee.Description{Definitions: []byte(d)}}, now); err != nil {
				t.Fatal(err)
			}
		}
		for i := range sets {
			has := queue.Variant{Pool: "gpu", Nodes: workflow.Hash([]byte(definitions[i%2]))}
			needs := workflow.Needs{Classes: []string{"Loader"}, Choices: []workflow.Choice{{Class: "Loader", Input: "ckpt_name", Value: fmt.Sprint("m", i)}}}
			if _, err := db.SubmitJob(t.Context(), fmt.Sprintf("%04d", i), queue.Submission{AccountID: "a", PromptID: fmt.Sprint(i),
				Lane: queue.LaneOf([]string{"gpu"}, []queue.Variant{has}), Graph: settee.Graph{Prompt: []byte("{}")},
				Fit: queue.Fit{Variants: []queue.Variant{has}, Needs: needs.JSON(), Generation: 2}}, nil, now); err != nil {
				t.Fatal(err)
			}
		}
		listen(db, func(string) { statements++ })
		c, err := db.ClaimJob(context.Background(), session, false, now)
		if err != nil || c == nil || c.PromptID != "1" {
			t.Fatalf("claimed %+v, %v", c, err)
		}
		counted := statements
		if err := db.Read(t.Context(), func(tx *Tx) error {
			lanes, err = Collect(tx, One[queue.Lane], `SELECT lane FROM lanes WHERE queued > 0`)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		return counted, lanes
	}
	few, _ := asked(2)
	many, lanes := asked(sets)
	if many > few+2 { // the other lane is not empty here
		t.Errorf("%d statements beside %d sets of models, %d beside 2", many, sets, few)
	}
	if len(lanes) != 2 {
		t.Errorf("%d lanes: %q", len(lanes), lanes)
	}
}
