package bench

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"hash/maphash"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/google/uuid"
)

// statement is one of a submit; $1 is the account, $2 the job, $3 its graph, and
// takes says which of them it has, as they are numbered there.
type statement struct {
	text  string
	takes []int
}

// submitStatements are what a submit runs, in order: the account's row, whether
// the prompt id is free, the job, its graph, the lane, the counters.
func submitStatements(forUpdate string) []statement {
	account, both := []int{0}, []int{0, 1}
	return []statement{
		{`SELECT q.running, q.queued, q.pass, q.typical, q.next_number, q.version, t.concurrent, t.queue_limit, t.runtime_cap, t.weight
			FROM account_queue q JOIN accounts a ON a.id = q.account_id JOIN tiers t ON t.name = a.tier WHERE q.account_id = $1` + forUpdate, account},
		{`SELECT id, state, hidden_at IS NOT NULL FROM jobs WHERE account_id = $1 AND prompt_id = $2`, both},
		{`INSERT INTO jobs (id, account_id, prompt_id, client_id, workflow_id, state, reason,
				number, number_given, lane, attempt, crashes, cancel_requested, seq, outputs_count, media, created_at, updated_at)
			VALUES ($2, $1, $2, '', '', 'pending', '', 1, FALSE, 'native', 0, 0, FALSE, 0, 0, '', 1, 1)`, both},
		{`INSERT INTO job_graphs (job_id, prompt, edits, extra_data, outputs, secrets) VALUES ($1, $2, '[]', '{}', '["2"]', NULL)`, []int{1, 2}},
		{`INSERT INTO lanes (account_id, lane, queued, pass, ready) VALUES ($1, 'native', 0, 0, FALSE) ON CONFLICT (account_id, lane) DO NOTHING`, account},
		{`INSERT INTO job_counts (account_id, state, n) VALUES ($1, 'pending', 1) ON CONFLICT (account_id, state) DO UPDATE SET n = job_counts.n + excluded.n`, account},
		{`UPDATE account_queue SET queued = queued + 1, next_number = next_number + 1, version = version + 1 WHERE account_id = $1`, account},
		{`UPDATE lanes SET queued = queued + 1 WHERE account_id = $1 AND lane = 'native'`, account},
		{`UPDATE lanes SET pass = 0, ready = TRUE WHERE account_id = $1`, account},
	}
}

// floorSubmit runs a submit's statements in groups that share a commit, on a
// SQLite file, or on PostgreSQL by as many writers as the server has, each with
// accounts of its own.
func floorSubmit(where string) (http.Handler, error) {
	driver, name, begin, forUpdate := "sqlite", sqliteName(where), "BEGIN IMMEDIATE", ""
	groups := make([]*group, 1)
	if isPostgres(where) {
		driver, name, begin, forUpdate = "pgx", where, "BEGIN", " FOR UPDATE OF q"
		groups = make([]*group, 8)
	}
	db, err := sql.Open(driver, name)
	if err != nil {
		return nil, err
	}
	for i := range groups {
		conn, err := db.Conn(context.Background())
		if err != nil {
			return nil, err
		}
		g := &group{units: make(chan *floorUnit, 256/len(groups)), conn: conn, begin: begin, own: submitStatements(forUpdate)}
		for _, s := range g.own {
			made, err := conn.PrepareContext(context.Background(), s.text) //nolint:sqlclosecheck // for as long as the floor stands
			if err != nil {
				return nil, fmt.Errorf("%s: %w", s.text, err)
			}
			g.statements = append(g.statements, made)
		}
		go g.run()
		groups[i] = g
	}
	seed := maphash.MakeSeed()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || !json.Valid(body) {
			http.Error(w, "no JSON", http.StatusBadRequest)
			return
		}
		u := &floorUnit{what: [3]string{strings.TrimPrefix(r.URL.Path, "/"), uuid.Must(uuid.NewV7()).String(), string(body)}, done: make(chan error, 1)}
		groups[maphash.String(seed, u.what[0])%uint64(len(groups))].units <- u
		if err := <-u.done; err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		answer(w, map[string]any{"prompt_id": u.what[1], "number": 1, "node_errors": struct{}{}})
	}), nil
}

type floorUnit struct {
	what [3]string // account, job, graph
	done chan error
}

type group struct {
	units      chan *floorUnit
	conn       *sql.Conn
	begin      string
	own        []statement
	statements []*sql.Stmt // of own
}

func (g *group) run() {
	for u := range g.units {
		batch := []*floorUnit{u}
		for more := true; more && len(batch) < cap(g.units); {
			select {
			case u := <-g.units:
				batch = append(batch, u)
			default:
				more = false
			}
		}
		slices.SortStableFunc(batch, func(a, b *floorUnit) int { return cmp.Compare(a.what[0], b.what[0]) })
		err := g.commit(batch)
		for _, u := range batch {
			u.done <- err
		}
	}
}

func (g *group) commit(batch []*floorUnit) error {
	for i, u := range batch {
		mark := "RELEASE unit; SAVEPOINT unit"
		if i == 0 {
			mark = g.begin + "; SAVEPOINT unit"
		}
		if _, err := g.conn.ExecContext(context.Background(), mark); err != nil {
			return err
		}
		for i, s := range g.statements {
			var args []any
			for _, k := range g.own[i].takes {
				args = append(args, u.what[k])
			}
			if !strings.HasPrefix(g.own[i].text, "SELECT") {
				if _, err := s.Exec(args...); err != nil {
					return err
				}
				continue
			}
			if err := readAll(s, args); err != nil {
				return err
			}
		}
	}
	_, err := g.conn.ExecContext(context.Background(), "COMMIT")
	return err
}
