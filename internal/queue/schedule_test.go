package queue_test

import (
	"cmp"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/queue"
	"github.com/settee/settee/internal/record"
	"github.com/settee/settee/internal/store"
	"github.com/settee/settee/internal/store/storetest"
	"pgregory.net/rapid"
)

// TestSchedules runs random schedules of submits, claims, claims ahead, starts,
// reports, endings, cancels, crashes and clock steps beside a plain model of what must be true.
// -rapid.checks says how many; a few when it does not.
func TestSchedules(t *testing.T) {
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "rapid.checks" })
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		if few := map[store.Dialect]string{store.SQLite: "10", store.Postgres: "4"}; !given {
			if err := flag.Set("rapid.checks", few[db.Dialect()]); err != nil {
				t.Fatal(err)
			}
		}
		rapid.Check(t, func(rt *rapid.T) {
			m := newModel(rt, newHouse(t, db))
			m.check(rt)
			for i, do := range rapid.SliceOfN(rapid.SampledFrom(actions()), 50, 150).Draw(rt, "actions") {
				do.run(m, rt)
				m.check(rt)
				if i%10 == 0 {
					m.h.consistent()
				}
			}
			m.end()
		})
	})
}

// action is something that may happen.
type action struct {
	name string
	run  func(*model, *rapid.T)
}

func (a action) String() string { return a.name }

// actions are all that may happen, each as often as it is likely.
func actions() (all []action) {
	for _, a := range []struct {
		action
		times int
	}{
		{action{"submit", (*model).submit}, 10}, {action{"claim", (*model).claim}, 12}, {action{"claim ahead", (*model).claimAhead}, 6},
		{action{"start", (*model).start}, 6}, {action{"execute", (*model).execute}, 6},
		{action{"finish", (*model).finish}, 7}, {action{"cancel", (*model).cancel}, 2}, {action{"clear", (*model).clear}, 1},
		{action{"open", (*model).open}, 2}, {action{"close", (*model).close}, 1}, {action{"renew", (*model).renew}, 3},
		{action{"time", (*model).time}, 3}, {action{"reap", (*model).reap}, 3}, {action{"hide", (*model).hide}, 1},
	} {
		for range a.times {
			all = append(all, a.action)
		}
	}
	return all
}

// serial makes ids that no other schedule on the same database uses.
var serial atomic.Int64

type model struct {
	h        *house
	pool     string
	accounts []string
	limit    map[string]int
	queue    map[string]int
	jobs     []*modelJob // in the order of submission
	sessions []*modelSession
	leases   []*queue.Lease // ever given
	counter  map[string]int64
	made     map[string]int // files named so far, by account
}

type modelJob struct {
	account, prompt string
	number          float64
	state           settee.JobState
	reason          settee.Reason
	session         *modelSession
	attempt         int          // newest that started
	given           int          // newest that a worker was given
	ahead           *queue.Lease // pending, and a worker has it
	since           time.Time    // when that was given
	losses          int
	asked, hidden   bool
	files           []string
	endings         int // terminal frames
}

type modelSession struct {
	queue.Session
	until time.Time
	open  bool
}

func newModel(t *rapid.T, h *house) *model {
	n := serial.Add(1)
	m := &model{h: h, pool: fmt.Sprint("pool", n), limit: map[string]int{}, queue: map[string]int{},
		counter: map[string]int64{}, made: map[string]int{}}
	for i, tier := range []settee.Tier{{Concurrent: 1}, {Concurrent: 2, QueueLimit: 3, Weight: 2}, {}} {
		id := fmt.Sprintf("s%d-%d", n, i)
		storetest.Account(h.t, h.db, id, tier)
		m.accounts = append(m.accounts, id)
		m.limit[id], m.queue[id] = tier.Concurrent, tier.QueueLimit
	}
	m.open(t)
	return m
}

func (m *model) now() time.Time { return m.h.clock.Now() }

func (m *model) count(account string, s settee.JobState) (n int) {
	for _, j := range m.jobs {
		if j.account == account && j.state == s {
			n++
		}
	}
	return n
}

func (m *model) submit(t *rapid.T) {
	account := rapid.SampledFrom(m.accounts).Draw(t, "account")
	prompt := fmt.Sprint("p", len(m.jobs))
	if len(m.jobs) > 0 && rapid.IntRange(0, 9).Draw(t, "again") == 0 {
		old := rapid.SampledFrom(m.jobs).Draw(t, "old")
		account, prompt = old.account, old.prompt
	}
	var number *float64
	if rapid.Bool().Draw(t, "numbered") {
		n := float64(rapid.IntRange(-2, 4).Draw(t, "number"))
		number = &n
	}
	job, err := m.h.trySubmit(account, prompt, func(s *queue.Submission) {
		s.Lane, s.Number, s.Secrets = queue.Lane(m.pool), number, json.RawMessage(`"x"`)
		s.Kind = rapid.SampledFrom([]string{"", "k", "l"}).Draw(t, "kind")
	})
	switch {
	case slices.ContainsFunc(m.jobs, func(j *modelJob) bool { return j.account == account && j.prompt == prompt }):
		expect(t, settee.CodeOf(err) == settee.CodeConflict, "submit again: %v", err)
	case m.queue[account] > 0 && m.count(account, settee.Pending) >= m.queue[account]:
		expect(t, settee.CodeOf(err) == settee.CodeQueueFull, "submit to a full queue: %v", err)
	default:
		expect(t, err == nil, "submit: %v", err)
		if number == nil {
			m.counter[account]++
			n := float64(m.counter[account])
			number = &n
		}
		expect(t, job.Number.Value == *number, "number %v, want %v", job.Number.Value, *number)
		m.jobs = append(m.jobs, &modelJob{account: account, prompt: prompt, number: *number, state: settee.Pending})
		m.overtaken(t, true)
	}
}

func expect(t *rapid.T, ok bool, format string, args ...any) {
	t.Helper()
	if !ok {
		t.Fatalf(format, args...)
	}
}

// session picks a session, mostly one that is alive.
func (m *model) session(t *rapid.T) *modelSession {
	var alive []*modelSession
	for _, s := range m.sessions {
		if m.live(s) {
			alive = append(alive, s)
		}
	}
	if len(alive) > 0 && rapid.IntRange(0, 5).Draw(t, "alive") > 0 {
		return rapid.SampledFrom(alive).Draw(t, "session")
	}
	return rapid.SampledFrom(m.sessions).Draw(t, "session")
}

func (m *model) live(s *modelSession) bool { return s.open && s.until.After(m.now()) }

// first is the job of the account that is next, nil when none may start.
func (m *model) first(account string) (best *modelJob) {
	if m.limit[account] > 0 && m.leased(account) >= m.limit[account] {
		return nil
	}
	for _, j := range m.jobs {
		if j.account == account && j.state == settee.Pending && j.ahead == nil && (best == nil || j.number < best.number) {
			best = j
		}
	}
	return best
}

func (m *model) claim(t *rapid.T) {
	s := m.session(t)
	any := slices.ContainsFunc(m.accounts, func(a string) bool { return m.first(a) != nil })
	idling := !any && slices.ContainsFunc(m.jobs, func(j *modelJob) bool { return m.idles(j, s) })
	w := m.worker(t, s)
	out := !w.OutAt.IsZero()
	if out { // one job on trial, that was not tried yet
		idling = false
		any = w.Running == 0 && !w.ProbeAt.After(m.now()) &&
			slices.ContainsFunc(m.accounts, func(a string) bool { j := m.first(a); return j != nil && j.attempt == 0 })
	}
	if !m.live(s) || !any && !idling {
		c, err := m.h.db.ClaimJob(context.Background(), s.Session, false, m.now())
		if !m.live(s) {
			expect(t, settee.CodeOf(err) == settee.CodeLeaseLost, "claim of a lost session: %v", err)
		}
		expect(t, c == nil, "claimed %+v, want nothing", c)
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	l, err := given(m.h.Claim(ctx, s.Session, false))
	expect(t, err == nil, "claim: %v", err)
	if idling {
		m.taken(t, s)
	}
	j := m.given(t, s, l)
	expect(t, !l.Ahead, "claimed ahead")
	expect(t, !out || j.attempt == 0, "%s is on trial after %d attempts", j.prompt, j.attempt)
	j.state, j.attempt = settee.InProgress, l.Attempt.N
}

// given notes a lease, which must be of its account's first job.
func (m *model) given(t *rapid.T, s *modelSession, l *queue.Lease) *modelJob {
	j := m.first(l.AccountID)
	expect(t, j != nil && j.prompt == l.PromptID, "claimed %s of %s, want %+v", l.PromptID, l.AccountID, j)
	j.given++
	expect(t, l.Attempt.N == j.given, "attempt %d, want %d", l.Attempt.N, j.given)
	j.session = s
	m.leases = append(m.leases, l)
	return j
}

// lease picks a lease, mostly one that is held, and its job when it is: late
// reports of lost attempts are part of the game.
func (m *model) lease(t *rapid.T) (*queue.Lease, *modelJob) {
	var held []*queue.Lease
	for _, l := range m.leases {
		if m.holds(l) != nil || m.lies(l) != nil {
			held = append(held, l)
		}
	}
	if len(held) > 0 && rapid.IntRange(0, 5).Draw(t, "held") > 0 {
		l := rapid.SampledFrom(held).Draw(t, "lease")
		return l, m.holds(l)
	}
	if len(m.leases) == 0 {
		return nil, nil
	}
	l := rapid.SampledFrom(m.leases).Draw(t, "any lease")
	return l, m.holds(l)
}

// holds is the job that a lease is still good for.
func (m *model) holds(l *queue.Lease) *modelJob {
	for _, j := range m.jobs {
		if j.account == l.AccountID && j.prompt == l.PromptID && j.state == settee.InProgress && j.attempt == l.Attempt.N && j.session.open {
			return j
		}
	}
	return nil
}

func (m *model) execute(t *rapid.T) {
	l, j := m.lease(t)
	if l == nil {
		return
	}
	out, err := m.h.Execute(context.Background(), l.Attempt, image("9", "x"))
	if j == nil {
		expect(t, settee.CodeOf(err) == m.refusal(l), "execute of a lost attempt: %v", err)
		return
	}
	expect(t, err == nil, "execute: %v", err)
	m.made[j.account]++
	name := fmt.Sprintf("x_%05d_.png", m.made[j.account])
	expect(t, strings.Contains(string(out), `"`+name+`"`), "named %s, want %s", out, name)
	j.files = append(j.files, name)
}

func (m *model) finish(t *rapid.T) {
	l, j := m.lease(t)
	if l == nil {
		return
	}
	e := rapid.SampledFrom([]queue.Ending{
		success(l),
		{State: settee.Failed, Reason: settee.ReasonError, Event: record.Failure(l.PromptID, "ValueError", "no")},
		{State: settee.Cancelled, Reason: settee.ReasonUser, Event: record.Interrupted(l.PromptID)},
		{State: settee.Pending, Reason: settee.ReasonDrained},
		{State: settee.Pending, Reason: settee.ReasonLost},
	}).Draw(t, "ending")
	out := j != nil && !m.worker(t, j.session).OutAt.IsZero()
	err := m.h.Finish(context.Background(), l.Attempt, e)
	if lies := m.lies(l); lies != nil && e.State == settee.Pending {
		expect(t, err == nil, "hand back what lies ahead: %v", err)
		lies.ahead = nil
		m.overtaken(t, true)
		return
	}
	if j == nil {
		expect(t, settee.CodeOf(err) == m.refusal(l), "finish of a lost attempt: %v", err)
		return
	}
	expect(t, err == nil, "finish: %v", err)
	if e.State == settee.Pending || out && e.Against() || m.doubted(t, j, e) {
		m.lose(t, j, e.Reason)
		m.overtaken(t, m.withdrawn(t, false) || j.state == settee.Pending)
		return
	}
	j.end(e.State, e.Reason)
	m.overtaken(t, m.withdrawn(t, false))
}

func (j *modelJob) end(s settee.JobState, r settee.Reason) {
	j.state, j.reason, j.ahead = s, r, nil
	if j.attempt > 0 {
		j.endings++
	}
}

func (m *model) cancel(t *rapid.T) {
	if len(m.jobs) == 0 {
		return
	}
	j := rapid.SampledFrom(m.jobs).Draw(t, "job")
	did, err := m.h.Cancel(context.Background(), j.account, j.prompt)
	if j.hidden {
		expect(t, settee.CodeOf(err) == settee.CodeNotFound, "cancel of a hidden job: %v", err)
		return
	}
	expect(t, err == nil && did != j.state.Terminal(), "cancel of a %s job: %v, %v", j.state, did, err)
	switch j.state {
	case settee.Pending:
		j.end(settee.Cancelled, settee.ReasonUser)
	case settee.InProgress:
		j.asked = true
	}
}

func (m *model) clear(t *rapid.T) {
	account := rapid.SampledFrom(m.accounts).Draw(t, "account")
	did, err := m.h.ClearPending(context.Background(), account)
	expect(t, err == nil && len(did) == m.count(account, settee.Pending), "cleared %q, %v", did, err)
	for _, j := range m.jobs {
		if j.account == account && j.state == settee.Pending {
			j.end(settee.Cancelled, settee.ReasonUser)
		}
	}
}

func (m *model) open(t *rapid.T) {
	s, err := m.h.Open(context.Background(), fmt.Sprint(m.pool, len(m.sessions)), m.pool, settee.Description{})
	expect(t, err == nil, "open: %v", err)
	m.sessions = append(m.sessions, &modelSession{Session: s, until: m.now().Add(15 * time.Second), open: true})
}

func (m *model) close(t *rapid.T) {
	s := m.session(t)
	err := m.h.Close(context.Background(), s.Session)
	expect(t, err == nil, "close: %v", err)
	m.over(t, s, settee.ReasonDrained)
	m.withdrawn(t, true)
	m.overtaken(t, false)
}

func (m *model) over(t *rapid.T, s *modelSession, r settee.Reason) {
	if !s.open {
		return
	}
	s.open = false
	for _, j := range m.jobs {
		if j.session == s && j.ahead != nil {
			j.ahead = nil
		} else if j.state == settee.InProgress && j.session == s {
			m.lose(t, j, r)
		}
	}
}

func (m *model) renew(t *rapid.T) {
	s := m.session(t)
	until := m.now().Add(15 * time.Second)
	err := m.h.db.RenewSession(context.Background(), s.ID, until, m.now(), nil)
	if !m.live(s) {
		expect(t, settee.CodeOf(err) == settee.CodeLeaseLost, "renew of a lost session: %v", err)
		return
	}
	expect(t, err == nil, "renew: %v", err)
	s.until = until
}

func (m *model) time(t *rapid.T) {
	m.h.clock.Advance(time.Duration(rapid.SampledFrom([]int{-5, 1, 2, 5, 16}).Draw(t, "seconds")) * time.Second)
}

func (m *model) reap(t *rapid.T) {
	err := m.h.Reap(context.Background())
	expect(t, err == nil, "reap: %v", err)
	for _, s := range m.sessions {
		if !s.until.After(m.now()) {
			m.over(t, s, settee.ReasonLost)
		}
	}
	m.overtaken(t, !m.withdrawn(t, true))
}

func (m *model) hide(t *rapid.T) {
	if len(m.jobs) == 0 {
		return
	}
	j := rapid.SampledFrom(m.jobs).Draw(t, "job")
	err := m.h.HideHistory(context.Background(), j.account, []string{j.prompt})
	expect(t, err == nil, "hide: %v", err)
	j.hidden = j.hidden || j.state.Terminal()
}

// check compares all that can be read with the model.
func (m *model) check(t *rapid.T) {
	ctx := context.Background()
	ended := map[string]int{}
	m.h.bus.mu.Lock()
	last := map[string]settee.Frame{}
	for _, f := range m.h.bus.frames {
		if f.Ended {
			ended[f.AccountID+f.PromptID]++
		}
		if f.Type == settee.EventStatus {
			last[f.AccountID] = f
		}
	}
	m.h.bus.mu.Unlock()
	for _, a := range m.accounts {
		c, err := m.h.Counts(ctx, a)
		expect(t, err == nil && c.Pending == m.count(a, settee.Pending) && c.Running == m.count(a, settee.InProgress), "counts of %s: %+v, %v", a, c, err)
		if f, ok := last[a]; ok {
			expect(t, string(f.Data) == fmt.Sprintf(`{"status":{"exec_info":{"queue_remaining":%d}}}`, c.Remaining()), "last status of %s: %s", a, f.Data)
		}
		var files, history []string
		for _, j := range m.jobs {
			if j.account == a {
				files = append(files, j.files...)
			}
			if j.account == a && j.state.Terminal() && j.attempt > 0 && !j.hidden {
				history = append(history, j.prompt)
			}
		}
		slices.SortFunc(files, cmp.Compare)
		expect(t, m.h.names(a) == strings.Join(files, " "), "assets of %s: %s, want %s", a, m.h.names(a), files)
		past, err := m.h.History(ctx, a, record.Everything, -1)
		expect(t, err == nil, "history: %v", err)
		got := strings.Fields(prompts(past, detailID))
		slices.Sort(got)
		slices.Sort(history)
		expect(t, slices.Equal(got, history), "history of %s: %q, want %q", a, got, history)
	}
	for _, j := range m.jobs {
		expect(t, ended[j.account+j.prompt] == j.endings && j.endings <= 1, "%s ended %d times on the wire, %d in the model", j.prompt, ended[j.account+j.prompt], j.endings)
		got, err := m.h.Job(ctx, j.account, j.prompt)
		if j.hidden {
			expect(t, settee.CodeOf(err) == settee.CodeNotFound, "hidden %s: %v", j.prompt, err)
			continue
		}
		expect(t, err == nil && got.State == j.state && got.Reason == j.reason && got.Attempt == j.attempt && got.OutputsCount == len(j.files),
			"%s is %+v (%v), want %+v", j.prompt, got, err, *j)
	}
}

// end leaves nothing for the next schedule to reap.
func (m *model) end() {
	for _, s := range m.sessions {
		if err := m.h.Close(context.Background(), s.Session); err != nil {
			m.h.t.Error(err)
		}
	}
	m.h.consistent()
}
