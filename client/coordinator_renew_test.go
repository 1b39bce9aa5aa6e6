package client_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/settee/settee"
	"github.com/settee/settee/client"
	"github.com/settee/settee/internal/queue"
)

// line is a server with one session and one job behind a network that can be cut.
// Calls that are under way when it is cut break; on a network that stands still
// they are never answered, as on connections that somebody in between forgot.
type line struct {
	version int
	lease   time.Duration

	mu    sync.Mutex
	until time.Time     // the session lives
	bad   chan struct{} // closed while the network is bad
	still bool          // it stands still
}

func (l *line) set(bad, still bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if bad {
		l.still = still
		close(l.bad)
	} else {
		l.bad = make(chan struct{})
	}
}

// RoundTrip is the network and the server.
func (l *line) RoundTrip(r *http.Request) (*http.Response, error) {
	l.mu.Lock()
	bad := l.bad
	l.mu.Unlock()
	select {
	case <-bad:
		return nil, l.broken(r)
	default:
	}
	status, body, wait := l.serve(r)
	if wait > 0 {
		select {
		case <-bad:
			return nil, l.broken(r)
		case <-r.Context().Done():
			return nil, r.Context().Err()
		case <-time.After(wait):
		}
	}
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
}

func (l *line) broken(r *http.Request) error {
	l.mu.Lock()
	still := l.still
	l.mu.Unlock()
	if still {
		<-r.Context().Done()
		return r.Context().Err()
	}
	return io.ErrUnexpectedEOF
}

func (l *line) serve(r *http.Request) (status int, body string, wait time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now := time.Now(); l.until.IsZero() {
		l.until = now.Add(l.lease)
	} else if !now.Before(l.until) {
		return http.StatusConflict, `{"code":"lease_lost","message":"the session is over"}`, 0
	}
	switch call := r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]; call {
	case "sessions":
		return 201, fmt.Sprintf(`{"version":%d,"session":"s","worker":"w","pool":"p","depth":1,"lease_ms":%d}`, l.version, l.lease.Milliseconds()), 0
	case "claim":
		return 200, `{"job":"j","n":1,"account":"a","prompt_id":"p","graph":"e30=","extra_data":"e30=","watched":true}`, 0
	case "renew":
		l.until = time.Now().Add(l.lease)
		var in struct {
			AtOnce bool `json:"at_once"`
		}
		if json.NewDecoder(r.Body).Decode(&in) != nil || in.AtOnce && l.version < 4 {
			return 400, `{}`, 0
		}
		if !in.AtOnce {
			wait = l.lease / 3
		}
		return 200, `{"orders":[]}`, wait
	default:
		return 200, `{}`, 0
	}
}

// A network that is gone, or stands still, for half a lease costs no session and
// no job, whenever it begins: what is said meanwhile and afterwards is taken.
func TestHalfALeaseWithoutANetwork(t *testing.T) {
	const lease = 15 * time.Second
	for what, still := range map[string]bool{"cut": false, "half-open": true} {
		for began := time.Duration(0); began < lease/3; began += 490 * time.Millisecond {
			t.Run(fmt.Sprint(what, " after ", began), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					l := &line{version: 4, lease: lease, bad: make(chan struct{})}
					k, s, a := l.job(t)
					alive, over := context.WithCancel(t.Context())
					var renewing sync.WaitGroup
					renewing.Go(func() {
						for alive.Err() == nil {
							if _, err := k.Renew(alive, s); err != nil && alive.Err() == nil {
								t.Errorf("renew: %v", err)
								return
							}
						}
					})
					time.Sleep(2*lease + began)
					l.set(true, still)
					heal := time.AfterFunc(lease/2, func() { l.set(false, false) })
					defer heal.Stop()
					for cut := time.Now(); time.Since(cut) < 2*lease; time.Sleep(lease / 15) {
						if _, err := k.Start(t.Context(), a); err != nil { // as good as any call
							t.Fatalf("a call: %v", err)
						}
					}
					over()
					renewing.Wait()
				})
			})
		}
	}
}

// One that is gone for longer than the lease ends the session when the lease has
// run out and not before, for all that the worker can know.
func TestALeaseWithoutANetwork(t *testing.T) {
	const lease = 15 * time.Second
	for what, still := range map[string]bool{"cut": false, "half-open": true} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := &line{version: 4, lease: lease, bad: make(chan struct{})}
				k, s, a := l.job(t)
				cut := time.Now()
				l.set(true, still)
				_, err := k.Renew(t.Context(), s)
				if took := time.Since(cut); settee.CodeOf(err) != settee.CodeLeaseLost || took < lease/2 || took > lease+lease/6 {
					t.Errorf("after %v: %v", took, err)
				}
				if _, err := k.Start(t.Context(), a); settee.CodeOf(err) != settee.CodeLeaseLost {
					t.Errorf("a call: %v", err)
				}
			})
		})
	}
}

// A server of an older version is not asked for what it does not know.
func TestRenewalsAtAnOlderServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &line{version: 3, lease: time.Minute, bad: make(chan struct{})}
		k, s, _ := l.job(t)
		for range 4 {
			if _, err := k.Renew(t.Context(), s); err != nil {
				t.Error(err)
			}
		}
	})
}

// job opens a session and claims the job.
func (l *line) job(t *testing.T) (*client.Coordinator, queue.Session, queue.Attempt) {
	t.Helper()
	c, err := client.New("http://server.example", key, client.WithHTTPClient(&http.Client{Transport: l}))
	if err != nil {
		t.Fatal(err)
	}
	k := c.Coordinator(nil)
	s, at := opened(t, k)
	return k, s, at
}

// opened is a session of a worker, and the job that it was given.
func opened(t *testing.T, k *client.Coordinator) (queue.Session, queue.Attempt) {
	t.Helper()
	s, err := k.Open(t.Context(), "w", "", settee.Description{Engine: "x", Definitions: []byte(`{}`), Devices: []byte(`[]`), Depth: 1})
	if err != nil {
		t.Fatal(err)
	}
	l, err := k.Claim(t.Context(), s, false)
	if err != nil {
		t.Fatal(err)
	}
	return s, l.Attempt
}
