package client

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"time"

	"github.com/settee/settee"
)

// Worker is a worker as operators see it.
type Worker struct {
	ID        string          `json:"id"`
	Name      string          `json:"name"`
	Pool      string          `json:"pool"`
	Engine    string          `json:"engine"`
	Version   string          `json:"version"` // the engine's
	Devices   json.RawMessage `json:"devices"`
	Remote    bool            `json:"remote"`
	Drained   bool            `json:"drained"`  // takes no new jobs
	Status    string          `json:"status"`   // "ready", "out", "draining", "drained" or "away"
	Reason    string          `json:"reason"`   // why it is out: it fails what others finish
	ProbeAt   *time.Time      `json:"probe_at"` // when one that is out may have a job on trial; nil: it is not out
	Sessions  int             `json:"sessions"` // live ones; 0: it is away
	Running   int             `json:"running"`  // jobs it has
	CreatedAt time.Time       `json:"created_at"`
	SeenAt    time.Time       `json:"seen_at"`
}

// Workers lists all workers by name.
func (a Admin) Workers(ctx context.Context) ([]Worker, error) {
	var answer struct {
		Workers []Worker `json:"workers"`
	}
	err := a.client.call(ctx, http.MethodGet, "/admin/workers", nil, nil, &answer)
	return answer.Workers, err
}

// DrainWorker has a worker take no new jobs; what it runs goes on, what only lies
// ahead there goes back to the queue.
func (a Admin) DrainWorker(ctx context.Context, name string) (Worker, error) {
	return a.changeWorker(ctx, name, "drain")
}

// ResumeWorker has a worker that is drained, or out, take jobs again.
func (a Admin) ResumeWorker(ctx context.Context, name string) (Worker, error) {
	return a.changeWorker(ctx, name, "resume")
}

func (a Admin) changeWorker(ctx context.Context, name, verb string) (w Worker, err error) {
	err = a.client.call(ctx, http.MethodPost, "/admin/workers/"+url.PathEscape(name)+"/"+verb, nil, []byte("{}"), &w)
	return w, err
}

// RemoveWorker forgets a worker; what it runs goes back to the queue. One that
// is still there comes back, unless its token is deleted.
func (a Admin) RemoveWorker(ctx context.Context, name string) error {
	return a.client.call(ctx, http.MethodDelete, "/admin/workers/"+url.PathEscape(name), nil, nil, nil)
}

// CreateWorkerToken makes a token that lets workers in: into one pool, or into
// any when pool is empty.
func (a Admin) CreateWorkerToken(ctx context.Context, name, pool string) (Key, error) {
	var key Key
	body, err := json.Marshal(map[string]string{"scope": string(settee.ScopeWorker), "name": name, "pool": pool})
	if err != nil {
		return key, err
	}
	err = a.client.call(ctx, http.MethodPost, "/admin/keys", nil, body, &key)
	return key, err
}
