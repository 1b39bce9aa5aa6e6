package store

import (
	"sync"
	"time"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/queue"
)

// kinds remembers what of worker_kinds this server has written lately, so that
// most jobs that finish write nothing there.
type kinds struct {
	mu      sync.Mutex
	written map[[2]string]time.Time // by kind and worker
}

func (k *kinds) fresh(w suspect, now time.Time) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	at, ok := k.written[[2]string{w.kind, w.id}]
	return ok && now.Sub(at) < queue.Again
}

// note remembers how a job that the worker ran has ended.
func (k *kinds) note(w suspect, s settee.JobState, now time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	key := [2]string{w.kind, w.id}
	at, ok := k.written[key]
	switch {
	case s != settee.Completed:
		delete(k.written, key)
	case w.kind != "" && (!ok || now.Sub(at) >= queue.Again):
		if k.written == nil || len(k.written) >= 10_000 {
			k.written = map[[2]string]time.Time{}
		}
		k.written[key] = now
	}
}
