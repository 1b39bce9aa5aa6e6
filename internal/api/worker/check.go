package worker

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/asset"
	"github.com/settee/settee/internal/engine"
	"github.com/settee/settee/internal/queue"
	"github.com/settee/settee/internal/record"
	"github.com/settee/settee/internal/wire"
)

// Limits of what a worker may say.
const (
	maxData    = 8 << 20 // bytes of an event's data
	maxDurable = 2 << 20 // bytes of the data of an event that is written down
	maxWord    = 1024    // bytes of node ids, keys and MIME types
	maxEntries = 20_000  // of a node's output
)

// checkFrames refuses frames that are no messages of ComfyUI's, or that speak of
// another job than promptID's. The end of a job is told by its ending alone, so
// an executing without a node is left out.
func checkFrames(in []wire.Frame, promptID string) ([]settee.Frame, error) {
	out := make([]settee.Frame, 0, len(in))
	for _, f := range in {
		var err error
		switch {
		case f.Type == "":
			err = checkBinary(f, promptID)
		case f.Binary != nil:
			err = settee.Faultf(settee.CodeInvalid, "A frame is an event or binary, not both.")
		case f.Type == settee.EventExecuting && nodeless(f.Data):
			continue
		default:
			err = checkEvent(settee.Event{Type: f.Type, Data: f.Data}, promptID)
		}
		switch durable := (settee.Event{Type: f.Type}).Durable(); {
		case err != nil:
			return nil, err
		case f.Number < 0 || f.Number > 0 && !durable:
			return nil, settee.Faultf(settee.CodeInvalid, "Durable events have numbers, and no others.")
		case durable && f.Type != settee.EventError && f.Number == 0:
			return nil, settee.Faultf(settee.CodeInvalid, "An event of type %s needs a number.", f.Type)
		}
		out = append(out, f.Frame())
	}
	return out, nil
}

func checkEvent(e settee.Event, promptID string) error {
	if len(e.Type) > 128 {
		return settee.Faultf(settee.CodeInvalid, "An event's type has at most 128 bytes.")
	}
	for _, c := range []byte(e.Type) {
		if c <= ' ' || c >= 0x7f || c == '"' || c == '\\' {
			return settee.Faultf(settee.CodeInvalid, "An event's type is a word.")
		}
	}
	if e.Type == "feature_flags" {
		return settee.Faultf(settee.CodeInvalid, "The server's features are not a job's to tell.")
	}
	most := maxData
	if e.Durable() {
		most = maxDurable
	}
	if len(e.Data) > most {
		return settee.Faultf(settee.CodeTooLarge, "The data of %s are larger than %d bytes.", e.Type, most)
	}
	return checkData(e.Data, promptID)
}

// checkData refuses data that are no object, or that name another prompt.
func checkData(data json.RawMessage, promptID string) error {
	var object struct {
		Prompt json.RawMessage `json:"prompt_id"`
		Nodes  json.RawMessage `json:"nodes"` // of progress_state: each names the prompt
	}
	if trimmed := bytes.TrimSpace(data); len(trimmed) == 0 || trimmed[0] != '{' {
		return settee.Faultf(settee.CodeInvalid, "An event's data are a JSON object.")
	}
	if err := json.Unmarshal(data, &object); err != nil {
		return &settee.Fault{Code: settee.CodeInvalid, Message: "An event's data are a JSON object.", Err: err}
	}
	named := []json.RawMessage{object.Prompt}
	var nodes map[string]struct {
		Prompt json.RawMessage `json:"prompt_id"`
	}
	_ = json.Unmarshal(object.Nodes, &nodes) // of another event: it names nothing
	for _, n := range nodes {
		named = append(named, n.Prompt)
	}
	for _, raw := range named {
		var id string
		if raw != nil && promptID != "" && (json.Unmarshal(raw, &id) != nil || id != promptID) {
			return settee.Faultf(settee.CodeInvalid, "The event is of another job.")
		}
	}
	return nil
}

// checkLast makes the steps that go with an ending. named is where the outputs
// with their names will be.
func (a *API) checkLast(ctx context.Context, at queue.Attempt, in []wire.Step, promptID string, named *[]json.RawMessage) (last []queue.Step, err error) {
	for _, step := range in {
		if step.Output == nil {
			frames, err := checkFrames([]wire.Frame{step.Frame}, promptID)
			if err != nil {
				return nil, err
			}
			for _, f := range frames {
				last = append(last, queue.Step{Frame: f})
			}
			continue
		}
		if err := a.checkExecuted(ctx, at, *step.Output); err != nil {
			return nil, err
		}
		last = append(last, outputStep(step, named))
	}
	return last, nil
}

func outputStep(in wire.Step, named *[]json.RawMessage) queue.Step {
	return queue.Step{Executed: &in.Executed, Named: func(output json.RawMessage) { *named = append(*named, output) }}
}

func nodeless(data json.RawMessage) bool {
	var d struct {
		Node *json.RawMessage `json:"node"`
	}
	return json.Unmarshal(data, &d) == nil && d.Node == nil
}

// checkBinary refuses what is no binary message (protocol note 2.4).
func checkBinary(f wire.Frame, promptID string) error {
	b := f.Binary
	if len(b) < 8 || len(b) > wire.MaxFrame || len(f.Node) > maxWord || f.Data != nil {
		return settee.Faultf(settee.CodeInvalid, "A binary message has 8 to %d bytes.", wire.MaxFrame)
	}
	switch kind := binary.BigEndian.Uint32(b); kind {
	case 1, 2, 3:
		return nil
	case 4:
		n := uint64(binary.BigEndian.Uint32(b[4:]))
		if 8+n > uint64(len(b)) || n > maxData {
			return settee.Faultf(settee.CodeInvalid, "A binary message's metadata are longer than it is.")
		}
		return checkData(b[8:8+n], promptID)
	default:
		return settee.Faultf(settee.CodeInvalid, "There is no binary message of type %d.", kind)
	}
}

// checkEnding makes the ending that a worker tells, when it makes sense.
func checkEnding(in wire.Finish, promptID string) (queue.Ending, error) {
	e := queue.Ending{State: in.State, Reason: in.Reason}
	kind, reasons := "", []settee.Reason{}
	switch in.State {
	case settee.Completed:
		kind, reasons = settee.EventSuccess, []settee.Reason{settee.ReasonNone}
	case settee.Failed:
		kind, reasons = settee.EventError, []settee.Reason{settee.ReasonError, settee.ReasonTimeout, settee.ReasonCredits}
	case settee.Cancelled:
		kind, reasons = settee.EventInterrupted, []settee.Reason{settee.ReasonUser}
	case settee.Pending:
		reasons = []settee.Reason{settee.ReasonLost, settee.ReasonDrained}
	}
	fits := false
	for _, r := range reasons {
		fits = fits || r == in.Reason
	}
	if !fits {
		return e, settee.Faultf(settee.CodeInvalid, "An attempt cannot end as %q for %q.", in.State, in.Reason)
	}
	if kind == "" {
		return e, nil
	}
	if in.Event == nil || in.Event.Type != kind {
		return e, settee.Faultf(settee.CodeInvalid, "The ending of a %s job is told by %s.", in.State, kind)
	}
	e.Event = *in.Event
	return e, checkEvent(e.Event, promptID)
}

// checkExecuted refuses names outside of the account's folders, files that the
// worker has not shown to have, and bytes that are not what they are said to be.
func (a *API) checkExecuted(ctx context.Context, at queue.Attempt, in wire.Output) error {
	x := in.Executed
	entries, together := 0, 0
	for _, word := range []string{x.Node, x.DisplayNode, x.ParentNode, x.RealNode, x.MetaNode} {
		if len(word) > maxWord {
			return settee.Faultf(settee.CodeInvalid, "A node's id has at most %d bytes.", maxWord)
		}
	}
	for _, k := range x.Output {
		if entries += len(k.Entries); len(k.Name) > maxWord || entries > maxEntries {
			return settee.Faultf(settee.CodeTooLarge, "A node's output has at most %d entries.", maxEntries)
		}
		for _, e := range k.Entries {
			if len(e.JSON) > maxDurable {
				return settee.Faultf(settee.CodeTooLarge, "An entry is larger than %d bytes.", maxDurable)
			}
			if e.New != nil {
				together += len(e.New.Small)
			}
			if together > engine.MaxTogether {
				return settee.Faultf(settee.CodeTooLarge, "An output carries at most %d bytes of small files; others are uploaded.", engine.MaxTogether)
			}
			if err := a.checkEntry(ctx, at, e, in.Receipts); err != nil {
				return err
			}
		}
	}
	return record.CheckExecuted(x)
}

func (a *API) checkEntry(ctx context.Context, at queue.Attempt, e engine.Entry, receipts map[string]string) error {
	if e.Old != nil {
		return asset.CheckMade(*e.Old, false)
	}
	if e.New == nil {
		return nil
	}
	n := *e.New
	f := settee.File{Filename: n.Name, Subfolder: n.Subfolder, Type: n.Type}
	if n.Name == "" {
		f.Filename = record.FileName(n, 1)
	}
	if err := asset.CheckMade(f, true); err != nil {
		return err
	}
	for _, c := range []byte(n.MIME) {
		if c < ' ' || c >= 0x7f || len(n.MIME) > maxWord {
			return settee.Faultf(settee.CodeInvalid, "A MIME type is short plain text.")
		}
	}
	if n.Small != nil { // whatever receipts say: nothing is kept under the hash of other bytes
		return a.opt.Files.Take(n.Bytes)
	}
	if a.signed(at.SessionID, n.Blob, receipts[n.Blob.Hash]) {
		return nil
	}
	b, err := a.opt.Queue.File(ctx, queue.Session{ID: at.SessionID}, n.Blob.Hash)
	if settee.CodeOf(err) == settee.CodeNotFound || err == nil && b != n.Blob {
		return settee.Faultf(settee.CodeInvalid, "The file %s was not uploaded.", fmt.Sprintf("%.64s", n.Blob.Hash))
	}
	return err
}
