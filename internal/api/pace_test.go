package api_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/settee/settee/internal/api"
)

// stall is how long hurried waits for the next bytes of a body: long for a busy
// machine, too.
const stall = 2 * time.Second

// hurried is a server that waits a stall for the next bytes of a body, and for an
// answer to be taken as long as a busy machine may need, with a path that takes a
// body and one that answers with a file. What became of a request is told on done.
func hurried(t *testing.T, file string) (server *httptest.Server, done chan error) {
	r := api.New(api.Deps{Accounts: known, Log: slog.New(slog.DiscardHandler),
		BodyTime: stall, AnswerTime: 3 * time.Second})
	done = make(chan error, 8)
	r.Post("/take", func(w http.ResponseWriter, q *http.Request) {
		n, err := io.Copy(io.Discard, q.Body)
		done <- err
		fmt.Fprint(w, n)
	})
	r.Get("/give", func(w http.ResponseWriter, _ *http.Request) {
		f, err := os.Open(file)
		if err == nil {
			_, err = io.Copy(w, f)
			f.Close()
		}
		done <- err
	})
	server = httptest.NewServer(r)
	t.Cleanup(server.Close)
	return server, done
}

func dial(t *testing.T, server *httptest.Server) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func TestAnUploadMayBeSlowButNotStall(t *testing.T) {
	t.Parallel()
	server, done := hurried(t, "")
	slow, feed := io.Pipe()
	go func() {
		tick := time.NewTicker(stall / 8)
		defer tick.Stop()
		for range 10 { // longer as a stall may be
			<-tick.C
			feed.Write([]byte("x"))
		}
		feed.Close()
	}()
	res, err := server.Client().Post(server.URL+"/take", "", slow)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if text, err := io.ReadAll(res.Body); err != nil || string(text) != "10" {
		t.Errorf("answered %q, %v", text, err)
	}
	if err := <-done; err != nil {
		t.Errorf("a slow upload ended with %v", err)
	}
	conn := dial(t, server)
	fmt.Fprint(conn, "POST /take HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf")
	if err := <-done; err == nil {
		t.Error("an upload that stalled was taken for a whole one")
	}
}

// A path that reads no body is not held up by one that never comes.
func TestABodyThatNobodyReads(t *testing.T) {
	t.Parallel()
	server, _ := hurried(t, "")
	conn := dial(t, server)
	fmt.Fprint(conn, "POST /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n")
	text, err := io.ReadAll(conn) // until the server hangs up
	if err != nil || !strings.HasPrefix(string(text), "HTTP/1.1 404") {
		t.Errorf("answered %q, %v", text, err)
	}
}

func TestAnAnswerThatNobodyTakes(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "large")
	content := bytes.Repeat([]byte("settee "), 8<<20)
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
	server, done := hurried(t, file)
	conn := dial(t, server)
	fmt.Fprint(conn, "GET /give HTTP/1.1\r\nHost: x\r\n\r\n")
	if err := <-done; err == nil {
		t.Error("an answer that nobody took was sent")
	}

	res, err := server.Client().Get(server.URL + "/give")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if text, err := io.ReadAll(res.Body); err != nil || !bytes.Equal(text, content) {
		t.Errorf("%d bytes came, %v", len(text), err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// What one request left of its deadlines is not the next one's.
func TestAConnectionMayRestBetweenRequests(t *testing.T) {
	t.Parallel()
	server, _ := hurried(t, "")
	conn := dial(t, server)
	in := bufio.NewReader(conn)
	for range 2 {
		fmt.Fprint(conn, "POST /take HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody")
		res, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatal(err)
		}
		if text, err := io.ReadAll(res.Body); err != nil || string(text) != "4" {
			t.Fatalf("answered %q, %v", text, err)
		}
		rest := time.NewTimer(stall + stall/8)
		<-rest.C
	}
}
