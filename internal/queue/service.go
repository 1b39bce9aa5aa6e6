package queue

import (
	"cmp"
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/bus"
	"github.com/settee/settee/internal/record"
)

// Options of a Service.
type Options struct {
	Now      func() time.Time
	Boot     string        // names this start of an embedded server: "server/start"; empty elsewhere
	Log      *slog.Logger  // nil: slog.Default
	Lease    time.Duration // how long a session lives without a renewal; 0: 15 s
	Poll     time.Duration // how often to look without a hint, and to reap; 0: 1 s
	CrashCap int           // losses of its worker after which a job fails; 0: 3
}

// Service is the queue. It is safe for concurrent use; several servers may have
// one each on the same database.
type Service struct {
	*record.Reader // what clients ask of jobs
	store          Store
	bus            bus.Bus
	opt            Options

	mu       sync.Mutex
	attempts map[Attempt]*attempt
	sessions map[string]*session
	hints    map[string]map[Variant]*hint // by pool: something may be there to claim
	idle     map[Variant][]*seeker        // claims that found nothing and wait
	shown    map[string]Counts            // by account: the newest counts that were seen

	takeover sync.Mutex
	taken    bool // sessions of earlier boots have been ended
}

// New makes the queue on a store. Run must run for losses to be noticed.
func New(store Store, b bus.Bus, opt Options) *Service {
	if opt.Now == nil {
		opt.Now = time.Now
	}
	opt.Log = cmp.Or(opt.Log, slog.Default())
	opt.Lease = cmp.Or(opt.Lease, 15*time.Second)
	opt.Poll = cmp.Or(opt.Poll, time.Second)
	opt.CrashCap = cmp.Or(opt.CrashCap, 3)
	s := &Service{store: store, bus: b, opt: opt,
		attempts: map[Attempt]*attempt{}, sessions: map[string]*session{},
		hints: map[string]map[Variant]*hint{}, idle: map[Variant][]*seeker{}, shown: map[string]Counts{}}
	s.Reader = record.NewReader(store, opt.Now, s.unwritten)
	return s
}

// Run takes over from earlier boots, listens for hints and reaps, until ctx
// ends. It returns nil then, and an error only when it could not begin.
func (s *Service) Run(ctx context.Context) error {
	jobs, err := s.bus.Subscribe(bus.Jobs, func(body []byte) { s.wakeLane(Lane(body)) })
	if err != nil {
		return err
	}
	defer jobs()
	orders, err := s.bus.Subscribe(bus.Orders, func(body []byte) { s.wakeSession(string(body)) })
	if err != nil {
		return err
	}
	defer orders()
	tick := time.NewTicker(s.opt.Poll)
	defer tick.Stop()
	for {
		if err := s.Reap(ctx); err != nil && ctx.Err() == nil {
			s.opt.Log.Error("reaping failed", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// Submit puts a validated job into its account's queue. Faults: CodeConflict
// when the account has a job of that PromptID already (with Replace: one that
// has not ended), CodeQueueFull when the tier allows no more waiting jobs.
func (s *Service) Submit(ctx context.Context, sub Submission) (settee.Job, error) {
	id := settee.NewID()
	if sub.PromptID == "" {
		sub.PromptID = id
	}
	now := s.opt.Now()
	done, err := s.submit(ctx, id, sub, now)
	if err != nil {
		return settee.Job{}, err
	}
	if done.Claim == nil || done.Claim.Attempt.JobID != id {
		s.hint(ctx, sub.Lane)
		revoked, _ := s.store.OvertakeAttempt(ctx, now) // the job is there, whatever comes of this
		s.revoked(ctx, revoked)
	}
	return done.Job, nil
}

// Counts are how many jobs of the account wait and run.
func (s *Service) Counts(ctx context.Context, accountID string) (Counts, error) {
	return s.store.QueueCounts(ctx, accountID)
}
