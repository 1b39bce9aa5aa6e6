package store_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/queue"
	"github.com/settee/settee/internal/store"
	"github.com/settee/settee/internal/store/storetest"
	"github.com/settee/settee/internal/workflow"
)

// What workers say of themselves is kept while one of them, or its pool, has
// said it last.
func TestDescriptions(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		now := time.UnixMicro(1_000_000)
		open := func(worker, pool, definitions, models string) string {
			t.Helper()
			now = now.Add(time.Second)
			id := settee.NewID()
			if _, err := db.OpenSession(t.Context(), queue.Opening{
				Session: queue.Session{ID: id, WorkerID: worker, Pool: pool, Depth: 1}, Worker: worker, Until: now.Add(time.Hour),
				Description: settee.Description{Definitions: []byte(definitions), Models: []byte(models)}}, now); err != nil {
				t.Fatal(err)
			}
			return id
		}
		names := map[string]string{}
		for _, d := range []string{`{"A":{}}`, `{"B":{}}`, `{"C":{}}`} {
			names[workflow.Hash([]byte(d))] = d[2:3]
		}
		// pools is each pool's variants, "!" where a worker with it is here, the
		// generation, and what definitions are kept.
		pools := func() string {
			t.Helper()
			all, err := db.Pools(t.Context(), now)
			if err != nil {
				t.Fatal(err)
			}
			var lines []string
			for _, p := range all {
				line := p.Name
				for _, v := range p.Variants {
					line += " " + names[v.Hash] + map[bool]string{true: "!"}[v.Live]
				}
				lines = append(lines, line)
			}
			var kept int
			if err := db.Read(t.Context(), func(tx *store.Tx) error {
				return tx.QueryRow(`SELECT COUNT(*) FROM node_definitions`).Scan(&kept)
			}); err != nil {
				t.Fatal(err)
			}
			return fmt.Sprint(strings.Join(lines, ", "), "; generation ", all[0].Generation, ", ", kept, " kept")
		}
		check := func(what, want string) {
			t.Helper()
			if d := cmp.Diff(want, pools()); d != "" {
				t.Errorf("%s (-want +got):\n%s", what, d)
			}
		}
		first := open("one", "gpu", `{"A":{}}`, `{"loras":["a"]}`)
		check("one worker", "gpu A!; generation 1, 1 kept")
		open("two", "gpu", `{"A":{}}`, `{}`)
		check("another like it", "gpu A!; generation 1, 1 kept")
		second := open("two", "gpu", `{"B":{}}`, `{"loras":["b"]}`)
		check("it has other nodes now", "gpu B! A!; generation 2, 2 kept")
		now = now.Add(time.Second)
		if err := db.RenewSession(t.Context(), first, now.Add(time.Hour), now, nil); err != nil {
			t.Fatal(err)
		}
		check("the other was seen later", "gpu B! A!; generation 2, 2 kept")
		models, err := db.Models(t.Context(), now)
		if err != nil || len(models) != 2 || string(models[0])+string(models[1]) != `{"loras":["a"]}{"loras":["b"]}` {
			t.Errorf("models %s, %v", models, err)
		}
		for _, id := range []string{first, second} {
			if err := db.CloseSession(t.Context(), id, settee.ReasonDrained, now); err != nil {
				t.Fatal(err)
			}
		}
		if models, err = db.Models(t.Context(), now); err != nil || len(models) != 1 || string(models[0]) != `{"loras":["b"]}` {
			t.Errorf("models of the worker whose other session is alive: %s, %v", models, err)
		}
		remove := func(worker string) {
			t.Helper()
			if _, err := db.CloseWorker(t.Context(), worker, now); err != nil {
				t.Fatal(err)
			}
			if err := db.DeleteWorker(t.Context(), worker); err != nil {
				t.Fatal(err)
			}
		}
		remove("two")
		check("a worker is removed, the other is away", "gpu A; generation 2, 2 kept")
		remove("one")
		check("all are removed: what came last stays", "gpu B; generation 2, 2 kept")
		third := open("three", "gpu", `{"C":{}}`, `{}`)
		check("what nobody has is dropped", "gpu C!; generation 3, 1 kept")
		if err := db.CloseSession(t.Context(), third, settee.ReasonDrained, now); err != nil {
			t.Fatal(err)
		}
		open("three", "other", `{"C":{}}`, `{}`)
		check("a worker that changes its pool", "other C!, gpu C; generation 4, 1 kept")
	})
}
