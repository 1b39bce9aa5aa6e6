package queue

import (
	"context"
	"encoding/json"
	"time"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/engine"
	"github.com/settee/settee/internal/record"
)

// Store keeps the queue. Every method is one atomic unit, or one consistent
// snapshot. Methods that write for an attempt return a Fault of CodeLeaseLost
// when the attempt is over or its session is closed.
type Store interface {
	record.Store // what is read

	// SubmitJob writes a job down under id. What comes first for idle now, unless it is
	// nil, most likely this job, is leased to it in the same unit, unless it is another
	// account's.
	SubmitJob(ctx context.Context, id string, s Submission, idle *Idle, now time.Time) (Submitted, error)

	// OpenSession writes down a worker and a session of it, and answers the
	// worker's id: o's, or the one it had before. Faults as Service.OpenFor.
	OpenSession(ctx context.Context, o Opening, now time.Time) (string, error)
	// RenewSession extends an open session and writes down notes of its attempts.
	RenewSession(ctx context.Context, id string, until, now time.Time, notes map[Attempt][]record.Note) error
	// CloseSession ends a session; its attempts become orphans. Closing twice is
	// no error.
	CloseSession(ctx context.Context, id string, reason settee.Reason, now time.Time) error
	// ExpireSessions ends the sessions whose lease has run out and, when boot is
	// not empty, those of the same server's other boots: boot is "server/start",
	// and a boot without a server is of the only one on its database.
	ExpireSessions(ctx context.Context, boot string, now time.Time) error
	// OpenedSession finds a session that is not closed.
	OpenedSession(ctx context.Context, id string) (Session, error)
	// SessionInput finds an input of a job that a session holds, by its hash; no
	// error and no hash when there is none.
	SessionInput(ctx context.Context, id, hash string) (settee.Blob, error)
	// SessionFile finds a file of an account that a session holds a job of, by
	// its hash; no error and no hash when there is none.
	SessionFile(ctx context.Context, id, hash string) (settee.Blob, error)
	// SessionAttempts are the attempts that a session holds.
	SessionAttempts(ctx context.Context, id string) ([]Held, error)

	// Workers lists the workers by name.
	Workers(ctx context.Context, now time.Time) ([]settee.Worker, error)
	// DrainWorker says whether a worker takes new jobs: one that does is not out
	// any more, of one that does not is revoked what lies ahead. Fault CodeNotFound.
	DrainWorker(ctx context.Context, name string, drained bool, now time.Time) (settee.Worker, []Revoked, error)
	// CloseWorker ends a worker's sessions and answers them; Fault CodeNotFound.
	CloseWorker(ctx context.Context, name string, now time.Time) ([]string, error)
	// DeleteWorker forgets a worker that has no attempt in progress; one that has
	// stays.
	DeleteWorker(ctx context.Context, name string) error
	// TendWorkers lets workers in that are out and without which nobody would be
	// left of their pool, answers them, and forgets what is no evidence any more.
	TendWorkers(ctx context.Context, now time.Time) ([]Standing, error)

	// ClaimJob leases the next job to a session, and starts it unless it is
	// claimed ahead; nil when there is none, ErrBenched when the worker takes none
	// now. What is not claimed ahead may be a job
	// that lay ahead at another session for longer than Patience.
	ClaimJob(ctx context.Context, s Session, ahead bool, now time.Time) (*Claim, error)
	// StartAttempt starts a job that was claimed ahead; one that has started
	// already stays as it is.
	StartAttempt(ctx context.Context, a Attempt, now time.Time) (Started, error)
	// OvertakeAttempt revokes one attempt that lies ahead while a job which its
	// worker could run should come first, or at a worker that is drained. Putting
	// back does so too.
	OvertakeAttempt(ctx context.Context, now time.Time) ([]Revoked, error)
	// DroppedAttempts are a session's attempts that ended since then without having
	// started, and why.
	DroppedAttempts(ctx context.Context, sessionID string, since time.Time) ([]Order, error)
	// HeldAttempt is an attempt in progress.
	HeldAttempt(ctx context.Context, a Attempt) (Held, error)
	// ExecuteNode names a node's files and writes its output down, after notes.
	// at is the Seq that the executed event gets, or the least when it is taken by
	// another; one that is written down there already is answered as it is.
	ExecuteNode(ctx context.Context, a Attempt, x engine.Executed, notes []record.Note, at int, now time.Time) (Executed, error)
	// EndAttempt ends an attempt as e says, or as Judge makes of it.
	EndAttempt(ctx context.Context, a Attempt, e End, now time.Time) (Outcome, error)
	// AttemptEnding is how an attempt of its session ended: the job's state when
	// it ended with it, else Pending, and the reason that was given. "": it has not
	// ended, or there is none.
	AttemptEnding(ctx context.Context, a Attempt) (settee.JobState, settee.Reason, error)
	// AttemptOutputs are the newest n outputs of nodes that an attempt told, with their
	// names, in order.
	AttemptOutputs(ctx context.Context, a Attempt, n int) ([]json.RawMessage, error)
	// Orphans are the attempts in progress whose session is closed.
	Orphans(ctx context.Context) ([]Orphan, error)
	// Overdue are the attempts in progress whose deadline was before then.
	Overdue(ctx context.Context, then time.Time) ([]Held, error)

	// CancelJobs cancels what c names.
	CancelJobs(ctx context.Context, c Cancellation, now time.Time) (Cancelled, error)
	// HideJobs takes ended jobs out of an account's history: those named, or all
	// when promptIDs is nil.
	HideJobs(ctx context.Context, accountID string, promptIDs []string, now time.Time) error
	// RefreshLanes compares waiting jobs with workers that have come since, sets
	// right which lanes have work that may start now, and answers those that newly
	// have. Once an hour it drops lanes in which nobody waits.
	RefreshLanes(ctx context.Context, now time.Time) ([]Lane, error)

	QueueCounts(ctx context.Context, accountID string) (Counts, error)
}

// Opening announces a worker and its session.
type Opening struct {
	Session
	Worker      string // its name
	Description settee.Description
	Until       time.Time
}

// Submitted is a job that was written down.
type Submitted struct {
	Job    settee.Job
	Counts Counts
	Claim  *Claim // what the idle session got
}

// Claim is a lease that was just given.
type Claim struct {
	Lease
	Seq     int // of the job's newest durable event
	Counts  Counts
	Revoked []Revoked
}

// Started is an attempt that has started: its lease, without the graph.
type Started struct {
	Lease
	Seq    int // of the job's newest durable event
	Counts Counts
}

// Revoked is an attempt that lay ahead and was taken back: its job waits again.
type Revoked struct {
	Attempt
	Lane Lane
}

// Executed is a node's output with its names and the durable event it became.
type Executed struct {
	Output json.RawMessage // the object, or null
	Note   record.Note
}

// End is an ending with what goes with it.
type End struct {
	Ending
	Notes  []record.Note     // reported before and not written yet
	Last   []engine.Executed // outputs of nodes that came last
	Cap    int               // of crashes
	Forced bool              // by the reaper: the session may be closed
}

// Outcome is what became of a job when an attempt at it ended.
type Outcome struct {
	Held
	State   settee.JobState // Pending: it waits again
	Lane    Lane
	Last    []Executed  // of End; none when Pending
	Note    record.Note // the ending; none when Pending
	Counts  Counts
	Revoked []Revoked
	Moved   []Standing // workers that were taken out or let in by it
}

// Orphan is an attempt that has lost its session, and why.
type Orphan struct {
	Attempt
	Reason settee.Reason // ReasonLost or ReasonDrained
}

// Cancellation says which of an account's jobs to cancel: those of PromptIDs,
// or all when nil.
type Cancellation struct {
	AccountID string
	PromptIDs []string
	Pending   bool // jobs that wait
	Running   bool // jobs that run: asked for
	Strict    bool // a PromptID that is not the account's is a Fault, and nothing is cancelled
}

// Cancelled is what a Cancellation did.
type Cancelled struct {
	PromptIDs []string  // cancelled or asked for
	Sessions  []string  // that hold jobs which were asked for
	Dropped   []Attempt // that had not started: their jobs were pending
	Endings   []Outcome // pending jobs whose clients have seen them start
	Ended     int       // pending jobs cancelled
	Counts    Counts
}
