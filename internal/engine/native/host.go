package native

import (
	"encoding/binary"
	"io"
	"math/rand/v2"
	"time"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/engine"
	"github.com/settee/settee/internal/engine/native/node"
	"github.com/settee/settee/internal/pyjson"
)

// host is a call as its node sees the engine.
type host call

var _ node.Host = (*host)(nil)

// Progress sends progress_state and progress, and stops the node when its job
// was asked to stop.
func (h *host) Progress(value, total float64) error { return h.Show(value, total, nil) }

// Show sends a picture between the two frames of Progress: a binary frame with
// its metadata (protocol note 2.4, type 4).
func (h *host) Show(value, total float64, png []byte) error {
	r := h.run
	if err := r.ctx.Err(); err != nil {
		return err
	}
	r.states.progress(h.v.id, value, total)
	if err := r.state(false); err != nil {
		return &troubled{err}
	}
	if png != nil {
		if err := r.out.Preview(r.ctx, h.v.id, picture(r.job.PromptID, h.v.id, png), true); err != nil {
			return &troubled{err}
		}
	}
	b := appendNumber([]byte(`{"value":`), value)
	b = appendNumber(append(b, `,"max":`...), total)
	b = append(b, `,"prompt_id":`+quoted(r.job.PromptID)+`,"node":`+quoted(h.v.id)+"}"...)
	if err := r.out.Event(r.ctx, settee.Event{Type: settee.EventProgress, Data: b}); err != nil {
		return &troubled{err}
	}
	return nil
}

func picture(promptID, id string, png []byte) []byte {
	meta := []byte(`{"node_id":` + quoted(id) + `,"prompt_id":` + quoted(promptID) + `,"display_node_id":` + quoted(id) +
		`,"parent_node_id":null,"real_node_id":` + quoted(id) + `,"image_type":"image/png"}`)
	b := binary.BigEndian.AppendUint32(nil, 4)
	b = binary.BigEndian.AppendUint32(b, uint32(len(meta)))
	return append(append(b, meta...), png...)
}

// Tell sends a text frame (protocol note 2.4, type 3).
func (h *host) Tell(text string) error {
	b := binary.BigEndian.AppendUint32(nil, 3)
	b = binary.BigEndian.AppendUint32(b, uint32(len(h.v.id)))
	b = append(append(b, h.v.id...), text...)
	if err := h.run.out.Preview(h.run.ctx, h.v.id, b, false); err != nil {
		return &troubled{err}
	}
	return nil
}

func (h *host) Put(content io.Reader) (engine.Bytes, error) {
	b, err := h.run.out.Put(h.run.ctx, content)
	if err != nil {
		return b, &troubled{err}
	}
	return b, nil
}

func (h *host) Open(input string) (io.ReadSeekCloser, error) {
	pin := h.run.pinned(h.v.id, input)
	if pin == nil {
		return nil, settee.Faultf(settee.CodeNotFound, "no such file")
	}
	f, err := h.run.out.Open(h.run.ctx, pin.Hash)
	if err != nil && settee.CodeOf(err) != settee.CodeNotFound {
		return nil, &troubled{err}
	}
	return f, err
}

// alphabet is what temporary names are made of (protocol note 4.8).
const alphabet = "abcdefghijklmnopqrstupvxyz"

// lettered is whose temporary names have letters of their own.
type lettered struct{ account, kind, node string }

// Letters belong to the node as long as its account uses it now and then.
func (h *host) Letters() string {
	s, _ := h.run.engine.letters.get(lettered{h.run.job.AccountID, h.v.kind, h.v.id}, func() (string, error) {
		b := make([]byte, 5)
		for i := range b {
			b[i] = alphabet[rand.IntN(len(alphabet))]
		}
		return string(b), nil
	})
	return s
}

func (h *host) Now() time.Time { return h.run.engine.now() }

func (h *host) Metadata() ([]node.Metadata, error) { return h.run.saved() }

// pngInfo is extra_data.extra_pnginfo.
func (r *run) pngInfo() pyjson.Value {
	v, err := pyjson.Parse(r.job.ExtraData)
	if err != nil {
		return pyjson.Value{}
	}
	return v.Get("extra_pnginfo")
}
