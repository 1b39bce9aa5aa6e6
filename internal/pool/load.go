package pool

// Load is what all pools do at a moment.
type Load struct {
	Workers map[string]int // by pool: whose session is alive
	Running map[string]int // by pool: attempts in progress
	Waiting map[string]int // by lane's name, which is that of its pools: jobs
	Known   map[Known]int  // all workers
}

// Known are workers of a pool with a status (settee.Worker).
type Known struct{ Pool, Status string }
