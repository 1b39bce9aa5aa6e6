package comfyui

import (
	"context"
	"time"
)

// Entries of ended prompts stay in ComfyUI's history, which grows by whole
// graphs, until there are so many of ours or until the oldest has been there for
// so long: a call for each would slow the prompts that follow.
const (
	spentCount = 16
	spentTime  = time.Second
	// spentKept is how many ids are kept that could not be removed.
	spentKept = 1000
)

// spend has a prompt's history entry removed soon.
func (e *Engine) spend(id string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.spent = append(e.spent, id)
	switch {
	case len(e.spent) >= spentCount || e.closed:
		e.tidy.Go(e.unspend)
	case len(e.spent) == 1:
		e.later = time.AfterFunc(spentTime, e.unspend)
	}
}

// unspend removes them, and those that could not be removed before.
func (e *Engine) unspend() {
	e.mu.Lock()
	ids := append(e.unspent, e.spent...)
	e.spent, e.unspent = nil, nil
	if e.later != nil {
		e.later.Stop()
	}
	e.mu.Unlock()
	if len(ids) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), e.opt.Call)
	defer cancel()
	if err := e.server.post(ctx, "/history", map[string][]string{"delete": ids}); err != nil {
		e.opt.Log.Debug("clearing ComfyUI's history failed", "error", err)
		e.mu.Lock()
		defer e.mu.Unlock()
		e.unspent = append(e.unspent, ids...)
		e.unspent = e.unspent[max(len(e.unspent)-spentKept, 0):]
	}
}
