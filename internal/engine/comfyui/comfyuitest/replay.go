package comfyuitest

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"encoding/json"
	"slices"

	"github.com/settee/settee/internal/pyjson"
	"github.com/settee/settee/internal/recording"
)

// Turn is a recorded prompt that ran, with what its socket heard of it.
type Turn struct {
	N       int    // of the submission, from 1
	ID      string // recorded
	Prompt  pyjson.Value
	Extra   pyjson.Value
	Outputs []string
	History pyjson.Value
	Last    string // type of its ending
	Frames  []recording.Frame
	Anyone  bool // no client: what a bystander heard
	at      float64
}

// Turns are a case's prompts that ran, in that order. Frames end with the
// prompt's last one; status frames are not among them.
func Turns(c recording.Case) []Turn {
	var all []Turn
	for i, p := range c.Prompts {
		h, err := pyjson.Parse(p.History)
		if err != nil || h.Len() == 0 {
			continue
		}
		m := h.Members()[0]
		item := m.Value.Get("prompt")
		u := Turn{N: i + 1, ID: m.Key, Prompt: item.Index(2), Extra: item.Index(3), History: m.Value, Anyone: item.Index(3).Get("client_id").Text() == ""}
		for o := range item.Index(4).Items() {
			u.Outputs = append(u.Outputs, o.Text())
		}
		for message := range m.Value.Get("status").Get("messages").Items() {
			u.Last = message.Index(0).Text()
		}
		for _, s := range c.Sockets {
			u.hear(s)
		}
		all = append(all, u)
	}
	slices.SortStableFunc(all, func(a, b Turn) int { return cmp.Compare(a.at, b.at) })
	return all
}

// hear takes the frames that a socket got of the prompt.
func (u *Turn) hear(s recording.Socket) {
	on := false
	for _, f := range s.Frames {
		if f.Binary != nil {
			if on {
				u.Frames = append(u.Frames, f)
			}
			continue
		}
		v, err := pyjson.Parse(f.Text)
		if err != nil {
			continue
		}
		kind, data := v.Get("type").Text(), v.Get("data")
		id := data.Get("prompt_id")
		if id.Text() != u.ID && (!on || id.Kind != pyjson.Absent || kind == "status" || kind == "feature_flags") {
			continue
		}
		if !on {
			on = true
			if u.at == 0 {
				u.at = f.T
			}
		}
		if kind == "executing" && data.Get("node").Kind == pyjson.Null {
			on = false
			continue // done sends it
		}
		u.Frames = append(u.Frames, f)
	}
}

// Replay plays a case's turns, one for each prompt that is submitted: the
// recorded frames and history under the new ids, the recorded files. Before an
// execution_interrupted it waits for an interrupt. A prompt beyond the turns
// plays the last one again.
func (s *Server) Replay(c recording.Case) []Turn {
	// What nobody heard cannot be played.
	turns := slices.DeleteFunc(Turns(c), func(u Turn) bool { return len(u.Frames) == 0 })
	s.mu.Lock()
	s.trusting = true
	s.mu.Unlock()
	for _, o := range c.Outputs {
		content := []byte(o.PNG)
		if content == nil {
			content = []byte("bytes of " + o.Filename)
		}
		s.Write(File{o.Type, o.Subfolder, o.Filename}, content)
	}
	at := 0
	s.Run(func(y *Play) {
		u := turns[min(at, len(turns)-1)]
		at++
		mine := func(b []byte) []byte { return bytes.ReplaceAll(b, []byte(u.ID), []byte(y.p.id)) }
		for _, f := range u.Frames {
			if f.Binary != nil {
				y.SendBinary(mine(Frame(*f.Binary)))
				continue
			}
			v := pyjson.Of(string(mine(f.Text)))
			kind := v.Get("type").Text()
			if kind == "execution_interrupted" {
				<-y.p.stop
			}
			y.Send(kind, string(v.Get("data").Raw()))
		}
		y.entry = json.RawMessage(mine(u.History.Raw()))
	})
	return turns
}

// Frame is a recorded binary frame; pictures that were not kept are bytes of
// the recorded length.
func Frame(b recording.Binary) []byte {
	head, err := hex.DecodeString(b.Header)
	if err != nil {
		panic(err)
	}
	if b.Type == 3 {
		return append(head, b.Text...)
	}
	return append(head, bytes.Repeat([]byte{0xff}, max(0, b.Size-len(head)))...)
}
