package client

import (
	"encoding/binary"
	"encoding/json"
	"fmt"

	"github.com/settee/settee"
)

// Event is a message of the socket: JSON with a type, or a binary frame such as
// a preview. ComfyUI's types are the Event constants of package settee; others
// come too and may be ignored.
type Event struct {
	Type     string          // empty for a binary frame
	Data     json.RawMessage // an object; nil for a binary frame
	PromptID string          // the job it is about; empty when the message does not say
	Binary   []byte          // the whole binary frame
}

// Terminal reports whether the event says that its job has ended. Status has
// the last word: a blocked node's error, for one, ends nothing.
func (e Event) Terminal() bool {
	switch e.Type {
	case settee.EventSuccess, settee.EventInterrupted, settee.EventError:
		return true
	}
	return false
}

// MarshalJSON writes {"type":…,"data":…}.
func (e Event) MarshalJSON() ([]byte, error) {
	return json.Marshal(settee.Event{Type: e.Type, Data: e.Data})
}

// textEvent reads a text frame.
func textEvent(frame []byte) (Event, error) {
	var message settee.Event
	if !json.Valid(frame) {
		frame = strict(frame)
	}
	if err := json.Unmarshal(frame, &message); err != nil {
		return Event{}, fmt.Errorf("a message of the socket: %w", err)
	}
	return Event{Type: message.Type, Data: message.Data, PromptID: promptID(message.Data)}, nil
}

// binaryEvent reads a binary frame; of the kinds there are, only a preview with
// metadata (4) says whose it is.
func binaryEvent(frame []byte) Event {
	e := Event{Binary: frame}
	if len(frame) >= 8 && binary.BigEndian.Uint32(frame) == 4 {
		if n := binary.BigEndian.Uint32(frame[4:]); int64(n) <= int64(len(frame)-8) {
			e.PromptID = promptID(frame[8 : 8+n])
		}
	}
	return e
}

func promptID(data []byte) string {
	var d struct {
		PromptID string `json:"prompt_id"`
	}
	if json.Unmarshal(data, &d) != nil {
		return ""
	}
	return d.PromptID
}
