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

// Scopes of keys. An admin key is refused on the client surfaces, a client key
// on /admin.
const (
	ScopeClient Scope = "client"
	ScopeAdmin  Scope = "admin"
)

// Key is an API key as it is kept: the secret itself is shown once and stored
// only as a hash.
type Key struct {
	ID        string
	AccountID string // empty for an admin key
	Name      string
	Prefix    string // the first characters, enough to recognise it
	Scope     Scope
	CreatedAt time.Time
}
