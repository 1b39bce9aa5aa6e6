package queue_test

import (
	"context"
	"slices"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/queue"
	"github.com/settee/settee/internal/store"
	"pgregory.net/rapid"
)

// leased is how many jobs of an account workers have.
func (m *model) leased(account string) int {
	n := m.count(account, settee.InProgress)
	for _, j := range m.jobs {
		if j.account == account && j.ahead != nil {
			n++
		}
	}
	return n
}

// lies is the job that a lease has not started yet.
func (m *model) lies(l *queue.Lease) *modelJob {
	for _, j := range m.jobs {
		if j.ahead != nil && j.ahead.Attempt == l.Attempt {
			return j
		}
	}
	return nil
}

// refusal is what is answered to who speaks for an attempt that does not run.
func (m *model) refusal(l *queue.Lease) settee.Code {
	if m.lies(l) != nil {
		return settee.CodeConflict
	}
	return settee.CodeLeaseLost
}

func (m *model) claimAhead(t *rapid.T) {
	s := m.session(t)
	l, err := m.h.Claim(context.Background(), s.Session, true)
	any := slices.ContainsFunc(m.accounts, func(a string) bool { return m.first(a) != nil })
	switch {
	case !m.live(s):
		expect(t, settee.CodeOf(err) == settee.CodeLeaseLost, "claim ahead of a lost session: %v", err)
	case !any || !m.worker(t, s).OutAt.IsZero():
		expect(t, l == nil && err == nil, "claimed %+v ahead, %v, want nothing", l, err)
	default:
		expect(t, err == nil && l != nil && l.Ahead && l.Deadline.IsZero(), "claim ahead: %+v, %v", l, err)
		j := m.given(t, s, l)
		j.ahead, j.since = l, m.now()
	}
}

func (m *model) start(t *rapid.T) {
	l, running := m.lease(t)
	if l == nil {
		return
	}
	j := m.lies(l)
	_, err := m.h.Start(context.Background(), l.Attempt)
	if j == nil && running == nil {
		expect(t, settee.CodeOf(err) == settee.CodeLeaseLost, "start of a lost attempt: %v", err)
		return
	}
	expect(t, err == nil, "start: %v", err)
	if j != nil {
		j.state, j.attempt, j.ahead = settee.InProgress, l.Attempt.N, nil
	}
}

// idles reports that a job has waited for another session for so long that a
// worker with nothing to do may have it.
func (m *model) idles(j *modelJob, s *modelSession) bool {
	return j.ahead != nil && j.session != s && !j.since.After(m.now().Add(-queue.Patience))
}

// taken finds what was taken for the claim of an idle worker.
func (m *model) taken(t *rapid.T, s *modelSession) {
	n := 0
	for _, j := range m.jobs {
		if j.ahead == nil || m.attemptOf(t, j.ahead) == "" {
			continue
		}
		expect(t, m.idles(j, s), "%s was taken too early", j.prompt)
		j.ahead = nil
		n++
	}
	expect(t, n == 1, "%d attempts were taken for one claim", n)
}

// overtaken finds what was revoked for another account's job: only what would
// come after it. looked says that a unit has just looked for it: then it found one,
// or there is none.
func (m *model) overtaken(t *rapid.T, looked bool) {
	behind := func(j *modelJob, place float64) bool {
		return slices.ContainsFunc(m.accounts, func(a string) bool {
			return a != j.account && m.first(a) != nil && m.pass(t, a) < place
		})
	}
	found := false
	for _, j := range m.jobs {
		if j.ahead == nil || m.attemptOf(t, j.ahead) == "" {
			continue
		}
		found = true
		j.ahead = nil
		expect(t, behind(j, m.pass(t, j.account)), "%s was revoked for nobody", j.prompt)
	}
	for _, j := range m.jobs {
		if looked && !found && j.ahead != nil {
			expect(t, !behind(j, m.pass(t, j.account)-m.estimate(t, j.ahead)), "%s lies ahead of what should come first", j.prompt)
		}
	}
}

// pass is an account's place.
func (m *model) pass(t *rapid.T, account string) (pass float64) {
	m.ask(t, &pass, `SELECT COALESCE(MAX(pass), 0) FROM account_queue WHERE account_id = $1`, account)
	return pass
}

// estimate is what a lease has moved its account's place.
func (m *model) estimate(t *rapid.T, l *queue.Lease) (estimate float64) {
	m.ask(t, &estimate, `SELECT estimate FROM attempts WHERE job_id = $1 AND n = $2`, l.Attempt.JobID, l.Attempt.N)
	return estimate
}

// attemptOf is why an attempt ended, "" while it has not.
func (m *model) attemptOf(t *rapid.T, l *queue.Lease) (reason string) {
	m.ask(t, &reason, `SELECT CASE WHEN ended_at IS NULL THEN '' ELSE reason END FROM attempts WHERE job_id = $1 AND n = $2`,
		l.Attempt.JobID, l.Attempt.N)
	return reason
}

func (m *model) ask(t *rapid.T, answer any, query string, args ...any) {
	err := m.h.db.Read(context.Background(), func(tx *store.Tx) error { return tx.QueryRow(query, args...).Scan(answer) })
	expect(t, err == nil, "%s: %v", query, err)
}
