package queue_test

import (
	"context"
	"slices"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/queue"
	"pgregory.net/rapid"
)

// worker is a session's worker as operators see it: who is out is looked up.
func (m *model) worker(t *rapid.T, s *modelSession) settee.Worker {
	all, err := m.h.Workers(context.Background())
	i := slices.IndexFunc(all, func(w settee.Worker) bool { return w.ID == s.WorkerID })
	expect(t, err == nil && i >= 0, "workers %+v, %v", all, err)
	return all[i]
}

// doubted reports that an ending took the worker out, so that another is asked
// about the job.
func (m *model) doubted(t *rapid.T, j *modelJob, e queue.Ending) bool {
	if e.Reason != settee.ReasonError {
		return false
	}
	got, err := m.h.Job(context.Background(), j.account, j.prompt)
	expect(t, err == nil && (got.State == settee.Failed || got.State == settee.Pending), "failed: %+v, %v", got, err)
	out := !m.worker(t, j.session).OutAt.IsZero()
	expect(t, out || got.State == settee.Failed, "the error of a worker that is not out made %s %s", j.prompt, got.State)
	return got.State == settee.Pending
}

// lose is what becomes of a job whose attempt is handed back or lost, or not
// believed because its worker is out. Whom the third loss is blamed on is looked
// up.
func (m *model) lose(t *rapid.T, j *modelJob, r settee.Reason) {
	if r == settee.ReasonLost {
		j.losses++
	}
	got, err := m.h.Job(context.Background(), j.account, j.prompt)
	expect(t, err == nil, "lost: %v", err)
	switch {
	case j.asked:
		j.end(settee.Cancelled, settee.ReasonUser)
	case r == settee.ReasonLost && j.losses >= 3 && got.State == settee.Failed:
		j.end(settee.Failed, settee.ReasonLost)
	default:
		j.state, j.files = settee.Pending, nil
	}
}

// withdrawn finds what was revoked because its worker was taken out, and reports
// whether anything was. After several units, each of which gave an account its
// place anew, nobody can tell that from what was overtaken.
func (m *model) withdrawn(t *rapid.T, several bool) (any bool) {
	for _, j := range m.jobs {
		if j.ahead != nil && m.attemptOf(t, j.ahead) != "" && (several || !m.worker(t, j.session).OutAt.IsZero()) {
			j.ahead, any = nil, true
		}
	}
	return any
}
