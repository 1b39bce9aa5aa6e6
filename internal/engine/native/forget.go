package native

// Forget drops the results and temporary names that are kept for an account, as
// POST free does in ComfyUI. Equal nodes of its next job run again; what a job
// that is running now makes is not kept for later ones either. It never waits.
func (e *Engine) Forget(accountID string) {
	e.store.forgetAll(accountID)
	e.letters.drop(func(l lettered) bool { return l.account == accountID })
}
