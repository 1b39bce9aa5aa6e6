package client_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/settee/settee"
	"github.com/settee/settee/client"
)

// socket is a server's side of /ws; say writes a text frame.
func socket(t *testing.T, talk func(n int, conn *websocket.Conn, say func(string))) http.HandlerFunc {
	var opened atomic.Int32
	return func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("token") != key || r.URL.Query().Get("clientId") == "" {
			t.Errorf("the socket's query was %s", r.URL.RawQuery)
		}
		conn, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		defer conn.CloseNow()
		ctx := conn.CloseRead(r.Context())
		talk(int(opened.Add(1)), conn, func(text string) {
			conn.Write(ctx, websocket.MessageText, []byte(text))
		})
	}
}

const success = `{"type":"execution_success","data":{"prompt_id":"p","timestamp":1}}`

func TestWaitHearsEventsAndBelievesTheStatus(t *testing.T) {
	var ended atomic.Bool
	c := serve(t, map[string]http.HandlerFunc{
		"GET /ws": socket(t, func(_ int, conn *websocket.Conn, say func(string)) {
			say(`{"type":"status","data":{"sid":"s"}}`)
			say(`{"type":"executing","data":{"node":"other","prompt_id":"q"}}`)
			say(`not JSON`)
			say(`{"type":"executing","data":{"node":"9","prompt_id":"p"}}`)
			say(`{"type":"x","data":{"prompt_id":"p","big":"` + strings.Repeat("b", 1<<18) + `"}}`)
			say(success)
			<-conn.CloseRead(t.Context()).Done()
		}),
		"GET /api/job/p/status": func(w http.ResponseWriter, r *http.Request) {
			if ended.Load() {
				answer(200, `{"status":"success"}`)(w, r) // the scheduler's dialect
				return
			}
			answer(200, `{"status":"executing"}`)(w, r)
		},
		"GET /api/jobs/p": answer(200, `{"id":"p","status":"completed","create_time":1700000000,"outputs":{"9":{"images":[{"filename":"a.png","subfolder":"","type":"output"}]}}}`),
	})
	var heard []string
	job, err := c.Wait(t.Context(), "p", func(e client.Event) {
		heard = append(heard, e.Type)
		ended.Store(true) // the status may tell the end before the socket does
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(heard); got != "[executing x execution_success]" {
		t.Errorf("heard %s", got)
	}
	if job.State != settee.Completed || len(job.Outputs.Files()) != 1 || job.CreatedAt.Year() != 2023 {
		t.Errorf("job %+v", job)
	}
}

func TestWaitWithoutSocket(t *testing.T) {
	var asked atomic.Int32
	words := []string{`{"status":"pending"}`, `{"status":"in_progress"}`, "", `{"status":"error","error_message":"no worker"}`}
	c := serve(t, map[string]http.HandlerFunc{
		"GET /api/job/p/status": func(w http.ResponseWriter, r *http.Request) {
			word := words[min(int(asked.Add(1))-1, len(words)-1)]
			if word == "" {
				answer(502, "<html>bad gateway</html>")(w, r) // a proxy while the server restarts
				return
			}
			answer(200, word)(w, r)
		},
		"GET /api/jobs/p": answer(200, `{"id":"p","status":"failed","create_time":1}`),
	})
	job, err := c.Wait(t.Context(), "p", nil)
	if err != nil {
		t.Fatal(err)
	}
	if job.State != settee.Failed || job.Error == nil || job.Error.Message != "no worker" {
		t.Errorf("job %+v", job)
	}
}

func TestTheSocketIsOpenedAgain(t *testing.T) {
	var ended atomic.Bool
	c := serve(t, map[string]http.HandlerFunc{
		"GET /ws": socket(t, func(n int, conn *websocket.Conn, say func(string)) {
			say(fmt.Sprintf(`{"type":"try%d","data":{"prompt_id":"p"}}`, n))
			if n == 1 {
				return // it breaks
			}
			say(success)
			<-conn.CloseRead(t.Context()).Done()
		}),
		"GET /api/job/p/status": func(w http.ResponseWriter, r *http.Request) {
			answer(200, fmt.Sprintf(`{"status":%q}`, map[bool]string{true: "completed", false: "pending"}[ended.Load()]))(w, r)
		},
		"GET /api/jobs/p": answer(200, `{"id":"p","status":"completed","create_time":1}`),
	})
	var heard []string
	if _, err := c.Wait(t.Context(), "p", func(e client.Event) {
		heard = append(heard, e.Type)
		ended.Store(ended.Load() || e.Type == "try2")
	}); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(heard); got != "[try1 try2 execution_success]" {
		t.Errorf("heard %s", got)
	}
}

func TestWaitEndsWithItsContext(t *testing.T) {
	c := serve(t, map[string]http.HandlerFunc{"GET /api/job/p/status": answer(200, `{"status":"pending"}`)})
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("enough")
	time.AfterFunc(20*time.Millisecond, func() { cancel(why) })
	if _, err := c.Wait(ctx, "p", nil); !errors.Is(err, why) {
		t.Errorf("error %v", err)
	}
}

func TestWaitGivesUpAtOnceWhereWaitingIsOfNoUse(t *testing.T) {
	c := serve(t, map[string]http.HandlerFunc{"GET /api/job/p/status": answer(404, `{"code":"not_found","message":"no such job"}`)})
	if _, err := c.Wait(t.Context(), "p", nil); client.StatusOf(err) != 404 {
		t.Errorf("error %v", err)
	}
}

func TestWaitGivesUpWhenPatienceEnds(t *testing.T) {
	c := serve(t, map[string]http.HandlerFunc{"GET /api/job/p/status": answer(503, `{}`)}, client.WithPatience(20*time.Millisecond))
	if _, err := c.Wait(t.Context(), "p", nil); client.StatusOf(err) != 503 {
		t.Errorf("error %v", err)
	}
}

// No error may hold the key, which the socket's URL does.
func TestErrorsDoNotHoldTheKey(t *testing.T) {
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("another origin was asked, with Referer %q", r.Referer())
	}))
	defer elsewhere.Close()
	for name, base := range map[string]string{
		"gone":     gone.URL,
		"refuses":  serve(t, map[string]http.HandlerFunc{"GET /ws": answer(401, `{"code":"unauthorized","message":"no"}`)}).URL(),
		"redirect": serve(t, map[string]http.HandlerFunc{"GET /ws": http.RedirectHandler(elsewhere.URL, http.StatusFound).ServeHTTP}).URL(),
	} {
		t.Run(name, func(t *testing.T) {
			c, err := client.New(base, key)
			if err != nil {
				t.Fatal(err)
			}
			if _, err = c.Listen(t.Context(), "id"); err == nil || strings.Contains(err.Error(), key) || strings.Contains(err.Error(), "token") {
				t.Errorf("listen: %v", err)
			}
			if _, err = c.Status(t.Context(), "p"); err == nil || strings.Contains(err.Error(), key) {
				t.Errorf("status: %v", err)
			}
		})
	}
}

func TestRun(t *testing.T) {
	submitted := make(chan struct{})
	c := serve(t, map[string]http.HandlerFunc{
		"GET /ws": socket(t, func(_ int, conn *websocket.Conn, say func(string)) {
			say(`{"type":"status","data":{}}`)
			<-submitted
			say(success)
			<-conn.CloseRead(t.Context()).Done()
		}),
		"POST /api/prompt": func(w http.ResponseWriter, r *http.Request) {
			answer(200, `{"prompt_id":"p"}`)(w, r)
			close(submitted)
		},
		"GET /api/job/p/status": answer(200, `{"status":"completed"}`),
		"GET /api/jobs/p":       answer(200, `{"id":"p","status":"completed","create_time":1}`),
	})
	var heard []string
	job, err := c.Run(t.Context(), client.Submission{Prompt: []byte(`{}`)}, func(e client.Event) { heard = append(heard, e.Type) })
	if err != nil || job.ID != "p" || fmt.Sprint(heard) != "[execution_success]" {
		t.Errorf("%+v %v %v", job, err, heard)
	}
}
