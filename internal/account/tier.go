package account

import (
	"time"

	"github.com/settee/settee"
)

// Names that the server itself uses.
const (
	Default   = "default" // the account made at the first start
	LocalTier = "local"   // its tier
	NewTier   = "creator" // of accounts made without naming one: the first with API access
)

// tiers are what a new database has; operators change them there. A weight is a
// share of worker time: it follows the jobs a tier may run at once.
var tiers = []settee.Tier{
	{Name: "free", Concurrent: 1, QueueLimit: 100, RuntimeCap: 10 * time.Minute, MonthlyCredits: 400_000, Weight: 1},
	{Name: "standard", Concurrent: 1, QueueLimit: 100, RuntimeCap: 30 * time.Minute, MonthlyCredits: 4_200_000, Weight: 1},
	{Name: "creator", API: true, Concurrent: 3, QueueLimit: 100, RuntimeCap: 30 * time.Minute, MonthlyCredits: 7_400_000, Weight: 3},
	{Name: "pro", API: true, Concurrent: 5, QueueLimit: 100, RuntimeCap: 60 * time.Minute, MonthlyCredits: 21_100_000, Weight: 5},
	{Name: LocalTier, API: true, Weight: 5},
}
