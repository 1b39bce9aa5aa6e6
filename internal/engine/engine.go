// Package engine states what a worker drives. An engine runs one graph at a
// time per Run call and tells what happens, in ComfyUI's events and order
// (protocol note 2.5); it knows no account limits, no queue and no file names:
// names are given by the Sink, so that several engines never collide.
package engine

import (
	"context"
	"encoding/json"
	"io"

	"github.com/settee/settee"
)

// Engine runs jobs, one after another. It takes Description.Depth of them at once:
// a job that it is given while another runs is made ready, and runs after that one.
// It may be given one more for each whose results it still brings over.
type Engine interface {
	// Describe tells what the engine can run.
	Describe(ctx context.Context) (settee.Description, error)

	// Run runs one job to its end. Nil means success; *Failure means that a
	// node raised, or that the engine refuses the job; *Interrupted that ctx was
	// cancelled and the run stopped; any other error is the engine's own and says
	// nothing about the workflow. Run sends execution_start first, when the job
	// runs, and never sends an ending: that is the caller's, once the ending is
	// committed.
	Run(ctx context.Context, job Job, out Sink) error
}

// Classed is an engine that tells of one node class what stands of it in the
// definitions that it would describe itself with now. That costs less than all.
type Classed interface {
	Class(ctx context.Context, name string) (json.RawMessage, error)
}

// Job is what an engine gets to see of a job.
type Job struct {
	ID        string          // UUIDv5 of (job, attempt): the prompt id for an outside engine
	PromptID  string          // the client's id, for the frames
	AccountID string          // cached results never cross it
	Graph     json.RawMessage // effective: conversions and pins applied, key order kept
	Prompt    json.RawMessage // what clients read back: conversions applied, pins not; for PNG text
	ExtraData json.RawMessage // an object
	Outputs   []string        // output nodes to run, in order
	Inputs    []settee.JobInput
}

// Sink takes what a run makes. Its methods return when the thing is safe or
// known to be unwanted; an error ends the run. They may be called from several
// goroutines; the order of calls of one goroutine is kept.
type Sink interface {
	// Event passes an event without files: execution_start, execution_cached,
	// executing, progress, progress_state, and execution_error of a blocked node.
	Event(ctx context.Context, e settee.Event) error

	// Preview passes a whole binary frame (protocol note 2.4) of a node.
	// Wanted is true for nodes that exist to send images.
	Preview(ctx context.Context, node string, frame []byte, wanted bool) error

	// Put stores a file's bytes and says what they are. Those of a small file may
	// come back with the answer, to go into NewFile: its output then keeps them.
	Put(ctx context.Context, content io.Reader) (Bytes, error)

	// Open reads the bytes of a pinned input.
	Open(ctx context.Context, hash string) (io.ReadSeekCloser, error)

	// Executed names a node's files, attaches them to the job and sends the
	// node's executed event, all or nothing. It returns the output object with
	// the final names: what a cache must keep. Fault CodeNotFound: an Old file is
	// not there any more, its user has deleted it or the job that made it was lost;
	// the node must run again.
	Executed(ctx context.Context, x Executed) (json.RawMessage, error)

	// Last is Executed for a node of a run that is about to return, without Old
	// files: its output is written down with the ending, in one step, and if that
	// is not taken neither is this. What is told afterwards waits with it. named
	// is called with the final names once they are there, and before anything of
	// the engine's next job passes.
	Last(ctx context.Context, x Executed, named func(json.RawMessage)) error
}

// Executed is a node's ui output before its files have names.
type Executed struct {
	Node        string `json:"node"`         // may be ephemeral
	DisplayNode string `json:"display_node"` // on the user's canvas
	ParentNode  string `json:"parent_node,omitempty"`
	RealNode    string `json:"real_node"`           // in the submitted graph
	MetaNode    string `json:"meta_node,omitempty"` // twins: the node that ran, and that meta names
	Null        bool   `json:"null,omitempty"`      // output is null: a cached node without ui
	Silent      bool   `json:"silent,omitempty"`    // stored in outputs, no event sent
	Output      []Key  `json:"output"`
}

// Key is one key of a ui output, in the node's order.
type Key struct {
	Name    string  `json:"name"` // "images", "text", …
	Entries []Entry `json:"entries"`
}

// Entry is one element of a ui list: a new file, a file that already has its
// name (a cached one, or an input shown again), or any other JSON.
type Entry struct {
	New  *NewFile        `json:"new,omitempty"`
	Old  *settee.File    `json:"old,omitempty"`
	JSON json.RawMessage `json:"json,omitempty"` // with New: further keys of the entry, an object
}

// NewFile asks for a name. The name is Prefix + "_" + counter (5 digits or
// more) + Suffix, the counter being the account's next for (type, subfolder,
// prefix): ComfyUI's rule (protocol note 4.7). With Name set, that name is
// taken as it is and an existing file of it is replaced.
type NewFile struct {
	Bytes
	Type      settee.FileType `json:"type"`
	Subfolder string          `json:"subfolder"`
	Prefix    string          `json:"prefix"`
	Suffix    string          `json:"suffix"` // "_.png"
	Name      string          `json:"name,omitempty"`
	MIME      string          `json:"mime"`
}

// Failure says that a node raised: the workflow's own fault, never retried.
// Event is the execution_error to send once the failure is committed.
type Failure struct {
	Event   settee.Event
	Refused bool     // no node ran: the engine says that it cannot run such a job
	Classes []string // then: of the nodes that it would not run, where it names them
}

func (f *Failure) Error() string { return "execution_error: " + string(f.Event.Data) }

// Interrupted says that a run stopped because it was asked to. Event is the
// execution_interrupted to send.
type Interrupted struct{ Event settee.Event }

func (*Interrupted) Error() string { return "interrupted" }
