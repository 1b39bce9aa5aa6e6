package bench

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/google/uuid"
)

// floorServer is a process of this binary that does the same work as the server
// and nothing else.
type floorServer struct {
	url string
	cmd *exec.Cmd
}

// floor starts one: "submit FILE", "status FILE", "sockets" or "comfyui".
func floor(b *testing.B, kind string) *floorServer {
	b.Helper()
	self, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	cmd := exec.Command(self, "-floor", kind)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		in.Close() // it ends with its input
		if err := cmd.Wait(); err != nil {
			b.Error(err)
		}
	})
	url, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		b.Fatal("the floor's server did not start: ", err)
	}
	return &floorServer{url: strings.TrimSpace(url), cmd: cmd}
}

// serveFloor is that process.
func serveFloor(kind string) error {
	kind, path, _ := strings.Cut(kind, " ")
	if kind == "comfyui" {
		return serveComfyUI()
	}
	var (
		h   http.Handler
		err error
	)
	switch kind {
	case "submit":
		h, err = floorSubmit(path)
	case "status":
		h, err = floorStatus(path)
	case "sockets":
		h = http.HandlerFunc(floorSocket)
	default:
		err = fmt.Errorf("unknown floor %q", kind)
	}
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println("http://" + l.Addr().String())
	s := &http.Server{Handler: h}
	go func() {
		io.Copy(io.Discard, os.Stdin)
		s.Close()
	}()
	if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func open(path string) (*sql.DB, error) {
	return sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)"+
		"&_pragma=foreign_keys(1)&_pragma=cache_size(-16000)")
}

// floorStatus answers one row of jobs by its key.
func floorStatus(path string) (http.Handler, error) {
	db, err := open(path)
	if err != nil {
		return nil, err
	}
	n := max(4, runtime.NumCPU())
	db.SetMaxOpenConns(n)
	db.SetMaxIdleConns(n)
	look, err := db.Prepare(`SELECT id, state, created_at, updated_at FROM jobs WHERE account_id = $1 AND prompt_id = $2`)
	if err != nil {
		return nil, err
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var job struct {
			ID      string `json:"id"`
			Status  string `json:"status"`
			Created int64  `json:"created_at"`
			Updated int64  `json:"updated_at"`
		}
		account, id, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
		if err := look.QueryRow(account, id).Scan(&job.ID, &job.Status, &job.Created, &job.Updated); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		answer(w, job)
	}), nil
}

func answer(w http.ResponseWriter, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Write(body)
}

// submitStatements are what a submit runs, in order: the account's row, whether
// the prompt id is free, the job, its graph, the lane, the counters.
var submitStatements = []string{
	`SELECT q.running, q.queued, q.pass, q.typical, q.next_number, q.version, t.concurrent, t.queue_limit, t.runtime_cap, t.weight
		FROM account_queue q JOIN accounts a ON a.id = q.account_id JOIN tiers t ON t.name = a.tier WHERE q.account_id = $1`,
	`SELECT id, state, hidden_at IS NOT NULL FROM jobs WHERE account_id = $1 AND prompt_id = $2`,
	`INSERT INTO jobs (id, account_id, prompt_id, client_id, workflow_id, state, reason,
			number, number_given, lane, attempt, crashes, cancel_requested, seq, outputs_count, media, created_at, updated_at)
		VALUES ($2, $1, $2, '', '', 'pending', '', 1, 0, 'native', 0, 0, 0, 0, 0, '', 1, 1)`,
	`INSERT INTO job_graphs (job_id, prompt, edits, extra_data, outputs, secrets) VALUES ($2, $3, '[]', '{}', '["2"]', NULL)`,
	`INSERT INTO lanes (account_id, lane, queued, pass, ready) VALUES ($1, 'native', 0, 0, 0) ON CONFLICT (account_id, lane) DO NOTHING`,
	`INSERT INTO job_counts (account_id, state, n) VALUES ($1, 'pending', 1) ON CONFLICT (account_id, state) DO UPDATE SET n = job_counts.n + excluded.n`,
	`UPDATE account_queue SET queued = queued + 1, next_number = next_number + 1, version = version + 1 WHERE account_id = $1`,
	`UPDATE lanes SET queued = queued + 1 WHERE account_id = $1 AND lane = 'native'`,
	`UPDATE lanes SET pass = 0, ready = 1 WHERE account_id = $1`,
}

// floorSubmit runs a submit's statements in groups that share a commit.
func floorSubmit(path string) (http.Handler, error) {
	db, err := open(path)
	if err != nil {
		return nil, err
	}
	conn, err := db.Conn(context.Background())
	if err != nil {
		return nil, err
	}
	g := &group{units: make(chan *floorUnit, 256)}
	for _, text := range append([]string{"BEGIN IMMEDIATE", "COMMIT", "SAVEPOINT unit", "RELEASE unit"}, submitStatements...) {
		s, err := conn.PrepareContext(context.Background(), text) //nolint:sqlclosecheck // for as long as the floor stands
		if err != nil {
			return nil, fmt.Errorf("%s: %w", text, err)
		}
		g.statements = append(g.statements, s)
	}
	go g.run()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || !json.Valid(body) {
			http.Error(w, "no JSON", http.StatusBadRequest)
			return
		}
		u := &floorUnit{account: strings.TrimPrefix(r.URL.Path, "/"), id: uuid.Must(uuid.NewV7()).String(), body: string(body), done: make(chan error, 1)}
		g.units <- u
		if err := <-u.done; err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		answer(w, map[string]any{"prompt_id": u.id, "number": 1, "node_errors": struct{}{}})
	}), nil
}

type floorUnit struct {
	account, id, body string
	done              chan error
}

type group struct {
	units      chan *floorUnit
	statements []*sql.Stmt // begin, commit, savepoint, release, then submitStatements
}

func (g *group) run() {
	for u := range g.units {
		batch := []*floorUnit{u}
		for more := true; more && len(batch) < 256; {
			select {
			case u := <-g.units:
				batch = append(batch, u)
			default:
				more = false
			}
		}
		err := g.commit(batch)
		for _, u := range batch {
			u.done <- err
		}
	}
}

func (g *group) commit(batch []*floorUnit) error {
	if _, err := g.statements[0].Exec(); err != nil {
		return err
	}
	for _, u := range batch {
		if _, err := g.statements[2].Exec(); err != nil {
			return err
		}
		for i, s := range g.statements[4:] {
			var args []any
			switch {
			case strings.Contains(submitStatements[i], "$3"):
				args = []any{nil, u.id, u.body}
			case strings.Contains(submitStatements[i], "$2"):
				args = []any{u.account, u.id}
			default:
				args = []any{u.account}
			}
			if !strings.HasPrefix(submitStatements[i], "SELECT") {
				if _, err := s.Exec(args...); err != nil {
					return err
				}
				continue
			}
			if err := readAll(s, args); err != nil {
				return err
			}
		}
		if _, err := g.statements[3].Exec(); err != nil {
			return err
		}
	}
	_, err := g.statements[1].Exec()
	return err
}

// readAll reads a query's rows and forgets them.
func readAll(s *sql.Stmt, args []any) error {
	rows, err := s.Query(args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return err
	}
	into := make([]any, len(columns))
	for i := range into {
		into[i] = new(any)
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return err
		}
	}
	return rows.Err()
}

// floorSocket is a bare WebSocket that says one thing and listens, with the
// two goroutines that a socket needs.
func floorSocket(w http.ResponseWriter, r *http.Request) {
	c, err := websocket.Accept(w, r, &websocket.AcceptOptions{CompressionMode: websocket.CompressionDisabled, InsecureSkipVerify: true})
	if err != nil {
		return
	}
	defer c.CloseNow()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			if _, _, err := c.Read(context.Background()); err != nil {
				return
			}
		}
	}()
	ctx, done := context.WithTimeout(context.Background(), 30*time.Second)
	defer done()
	if err := c.Write(ctx, websocket.MessageText, []byte(`{"type":"status","data":{}}`)); err != nil {
		return
	}
	<-ended
}
