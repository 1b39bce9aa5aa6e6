package record

import "github.com/settee/settee"

// Detail is a job with its graph and what it made so far.
type Detail struct {
	settee.Job
	settee.Graph
	settee.Result
	Notes []Note // of a running job: what Result was folded from
}

// Filter picks and orders an account's jobs.
type Filter struct {
	States     []settee.JobState // empty: all
	WorkflowID string
	MediaType  string // "image", "video" or "audio": jobs with such an output
	Sort       string // "create_time" (or empty) or "execution_time"
	Ascending  bool
	Limit      int // 0: none
	Offset     int
}

// AdminFilter picks jobs of all accounts, newest first.
type AdminFilter struct {
	Account string // id or name; empty: all
	States  []settee.JobState
	Limit   int
	Offset  int
}

// Everything is History's max for all entries.
const Everything = int(^uint(0) >> 1)

// Trail is a job and the durable events it has told so far.
type Trail struct {
	settee.Job
	Notes []Note
}
