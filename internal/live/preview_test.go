package live_test

import (
	"encoding/binary"
	"testing"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/live"
)

// withMetadata is a type 4 message.
func withMetadata(imageType, image string) []byte {
	meta := `{"node_id":"3","prompt_id":"p","display_node_id":"3","parent_node_id":null,"real_node_id":"3","image_type":"` + imageType + `"}`
	b := binary.BigEndian.AppendUint32(nil, 4)
	b = binary.BigEndian.AppendUint32(b, uint32(len(meta)))
	return append(append(b, meta...), image...)
}

func (j *tale) preview(b []byte) settee.Frame {
	f := j.frame("", "")
	f.Data, f.Binary, f.Node = nil, b, "3"
	return f
}

func (j *tale) plain(format byte, image string) settee.Frame {
	return j.preview(append([]byte{0, 0, 0, 1, 0, 0, 0, format}, image...))
}

func TestPreviewsGoBeforeTheProgressOrAfterIt(t *testing.T) {
	h := newHouse(t, live.Options{Previews: live.PreviewsAlways})
	defer h.hub.Close()
	knows := h.attach(live.Listener{ClientID: "a"})
	defer knows.Close()
	knows.Received([]byte(plainFlags))
	old := h.attach(live.Listener{ClientID: "b"})
	defer old.Close()
	old.Received([]byte(`{}`))
	expect(t, "a", knows, greeting(0, "a"), flagsAnswer)
	expect(t, "b", old, greeting(0, "b"))

	j := &tale{job: "p"}
	jpeg, png := j.preview(withMetadata("image/jpeg", "one")), j.preview(withMetadata("image/png", "two"))
	frames := []settee.Frame{j.state("3"), jpeg, j.progress(1), j.state("3"), png, j.progress(2), jpeg, jpeg, j.executed("3")}
	h.publish(frames...)
	expect(t, "who knows metadata", knows, texts(frames...)...)
	one, two := j.plain(1, "one"), j.plain(2, "two")
	expect(t, "who does not", old, texts(frames[0], frames[2], one, frames[3], frames[5], two, one, one, frames[8])...)

	h.publish(j.preview([]byte("\x00\x00\x00\x04\x00\x00\xff\xffbroken")), one, status(1))
	expect(t, "type 1 passes as it is", knows, texts(one, status(1))...)
	expect(t, "type 1 passes as it is", old, texts(one, status(1))...)
}

func TestOpenModeSendsNobodysPreviewsAsTypeOne(t *testing.T) {
	h := newHouse(t, live.Options{Previews: live.PreviewsAlways})
	defer h.hub.Close()
	s := h.attach(live.Listener{ClientID: "a", Open: true})
	defer s.Close()
	s.Received([]byte(plainFlags))
	j := &tale{job: "p"}
	frames := []settee.Frame{j.state("3"), j.preview(withMetadata("image/jpeg", "x")), j.progress(1)}
	h.publish(frames...)
	expect(t, "it", s, append([]string{greeting(0, "a"), flagsAnswer}, texts(frames[0], frames[2], j.plain(1, "x"))...)...)
}

// Clients that parse each message as JSON must not be surprised.
func TestWhoGetsBinaryMessages(t *testing.T) {
	j := &tale{job: "p", client: "me"}
	sampler, wanted := j.plain(1, "sampler"), j.plain(2, "wanted")
	wanted.Wanted = true
	note := j.preview([]byte("\x00\x00\x00\x03\x00\x00\x00\x013hello"))
	for _, c := range []struct {
		name     string
		previews string
		who      live.Listener
		flags    string
		want     []settee.Frame
	}{
		{"auto, program", live.PreviewsAuto, live.Listener{}, `{}`, []settee.Frame{wanted}},
		{"auto, program that knows metadata", live.PreviewsAuto, live.Listener{}, plainFlags, []settee.Frame{wanted}},
		{"auto, editor", live.PreviewsAuto, live.Listener{}, editorFlags, []settee.Frame{sampler, wanted, note}},
		{"auto, cookie", live.PreviewsAuto, live.Listener{Cookie: true}, `{}`, []settee.Frame{sampler, wanted, note}},
		{"auto, open", live.PreviewsAuto, live.Listener{Open: true}, `{}`, []settee.Frame{wanted, note}},
		{"auto, open editor", live.PreviewsAuto, live.Listener{Open: true}, editorFlags, []settee.Frame{sampler, wanted, note}},
		{"always, program", live.PreviewsAlways, live.Listener{}, `{}`, []settee.Frame{sampler, wanted, note}},
		{"never, program", live.PreviewsNever, live.Listener{}, `{}`, nil},
		{"never, editor", live.PreviewsNever, live.Listener{}, editorFlags, []settee.Frame{note}},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHouse(t, live.Options{Previews: c.previews})
			defer h.hub.Close()
			c.who.ClientID = "me"
			s := h.attach(c.who)
			defer s.Close()
			s.Received([]byte(c.flags))
			heard(t, s)
			h.publish(sampler, wanted, note)
			expect(t, c.name, s, texts(c.want...)...)
		})
	}
}
