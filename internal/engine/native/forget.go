package native

import "sync"

// wishes are the accounts whose results are to be forgotten.
type wishes struct {
	mu       sync.Mutex
	accounts map[string]bool
}

// take gives the accounts and starts anew.
func (w *wishes) take() map[string]bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := w.accounts
	w.accounts = nil
	return all
}

// Forget drops the results and temporary names that are kept for an account, as
// POST free does in ComfyUI: at once when nothing runs, else between two jobs.
// Equal nodes of its next job run again. It never waits.
func (e *Engine) Forget(accountID string) {
	e.wishes.mu.Lock()
	if e.wishes.accounts == nil {
		e.wishes.accounts = map[string]bool{}
	}
	e.wishes.accounts[accountID] = true
	e.wishes.mu.Unlock()
	e.tidy()
}

// tidy does what Forget asked for, unless a run has the turn: who has it looks
// when it begins and once it has given the turn back.
func (e *Engine) tidy() {
	select {
	case e.turn <- struct{}{}:
		e.forget()
		<-e.turn
	default:
	}
}

// forget belongs to whoever has the turn, before anything is pinned.
func (e *Engine) forget() {
	for account := range e.wishes.take() {
		for _, r := range e.store.byKey {
			if r.account == account {
				e.store.forget(r)
			}
		}
		e.letters.drop(func(l lettered) bool { return l.account == account })
	}
}
