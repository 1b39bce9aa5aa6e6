package wire

import (
	"encoding/json"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/engine"
)

// Report tells what an attempt does: POST …/jobs/{job}/{n}/report. Frames are in
// order; a batch of the same number as the one before is the same batch.
type Report struct {
	Batch  int     `json:"batch,omitempty"` // from 1; 0: there are no frames
	Frames []Frame `json:"frames,omitempty"`
}

// Frame is an event, or a binary message of a node.
type Frame struct {
	Number int             `json:"number,omitempty"` // of a durable event
	Type   string          `json:"type,omitempty"`
	Data   json.RawMessage `json:"data,omitempty"`
	Node   string          `json:"node,omitempty"`
	Binary []byte          `json:"binary,omitempty"`
	Wanted bool            `json:"wanted,omitempty"`
}

// FrameOf is a frame as it travels.
func FrameOf(f settee.Frame) Frame {
	return Frame{Number: f.Seq, Type: f.Type, Data: f.Data, Node: f.Node, Binary: f.Binary, Wanted: f.Wanted}
}

// Frame is the inverse of FrameOf.
func (f Frame) Frame() settee.Frame {
	return settee.Frame{Seq: f.Number, Type: f.Type, Data: f.Data, Node: f.Node, Binary: f.Binary, Wanted: f.Wanted}
}

// Reported answers Report.
type Reported struct {
	Told    int  `json:"told"`    // durable events that are known
	Watched bool `json:"watched"` // somebody would see previews
}

// Execute reports and then names a node's files: POST …/execute.
type Execute struct {
	Report
	Number int `json:"number"` // of its executed event
	Output
}

// Output is a node's output. From version 4 the bytes of small files may lie in it
// (engine.Bytes), up to engine.MaxTogether of them; every other new file has been
// uploaded.
type Output struct {
	Executed engine.Executed   `json:"executed"`
	Receipts map[string]string `json:"receipts,omitempty"` // by the hashes of new files that were uploaded
}

// Executed answers Execute.
type Executed struct {
	Reported
	Output json.RawMessage `json:"output"`
}

// Finish reports and then ends an attempt: POST …/finish.
type Finish struct {
	Report
	Told   int             `json:"told"` // durable events before the last ones and the ending
	State  settee.JobState `json:"state"`
	Reason settee.Reason   `json:"reason,omitempty"`
	Event  *settee.Event   `json:"event,omitempty"` // the terminal frame
	Last   []Step          `json:"last,omitempty"`  // what goes with the ending, in order; from version 3
}

// Step is a frame, or a node's output whose executed event has the next number.
type Step struct {
	Frame
	*Output
}

// Finished answers Finish, with the outputs of its steps, which have their names now.
type Finished struct {
	Outputs []json.RawMessage `json:"outputs,omitempty"`
}
