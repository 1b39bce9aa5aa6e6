package settee

import "time"

// Account owns jobs, files, keys and credits. Nothing of one account can be
// seen from another.
type Account struct {
	ID        string
	Name      string
	Tier      Tier
	Disabled  bool
	CreatedAt time.Time
}

// Tier is what an account may do. Zero limits mean no limit.
type Tier struct {
	Name           string
	API            bool          // may use the API with a key
	Concurrent     int           // running jobs at once
	QueueLimit     int           // waiting jobs at once
	RuntimeCap     time.Duration // longest run of one job
	MonthlyCredits int64         // credits × 1000 (millicredits)
	Weight         float64       // share of worker time beside other accounts; > 0
}

// Scope says what a key opens.
type Scope string

// Scopes of keys. Each opens one surface and is refused on the others: a client
// key the APIs, an admin key /admin, a worker key (a token) /worker.
const (
	ScopeClient Scope = "client"
	ScopeAdmin  Scope = "admin"
	ScopeWorker Scope = "worker"
)

// Key is an API key as it is kept: the secret itself is shown once and stored
// only as a hash.
type Key struct {
	ID        string
	AccountID string // of a client key; empty for the others
	Name      string
	Prefix    string // the first characters, enough to recognise it
	Scope     Scope
	Pool      string // of a worker key: the only pool it may serve; empty: any
	CreatedAt time.Time
}
