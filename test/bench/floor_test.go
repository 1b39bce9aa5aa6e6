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
)

// floorServer is a process of this binary that does the same work as the server
// and nothing else.
type floorServer struct {
	url string
	cmd *exec.Cmd
}

// floor starts one: "submit FILE", "submit URL", "status FILE", "sockets" or
// "comfyui".
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

func sqliteName(path string) string {
	return "file:" + path + "?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)" +
		"&_pragma=foreign_keys(1)&_pragma=cache_size(-16000)"
}

// floorStatus answers one row of jobs by its key.
func floorStatus(path string) (http.Handler, error) {
	db, err := sql.Open("sqlite", sqliteName(path))
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
