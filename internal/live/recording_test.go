package live_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/live"
	"github.com/settee/settee/internal/recording"
)

// publication is what a publisher would have sent for recorded sockets to hear
// what they did, in the order of their clocks; status frames, which all of them
// heard, are told apart by the first socket.
func publication(t *testing.T, c recording.Case) (frames []settee.Frame) {
	clients, nobodys := map[string]string{}, false // prompt id → who posted it
	for _, p := range c.Prompts {
		var request struct {
			ClientID string `json:"client_id"`
		}
		var response struct {
			PromptID string `json:"prompt_id"`
		}
		unmarshal(t, p.Request, &request)
		unmarshal(t, p.Response, &response)
		clients[response.PromptID] = request.ClientID
		nobodys = request.ClientID == ""
	}
	type heard struct {
		at float64
		f  settee.Frame
	}
	var all []heard
	sockets := c.Sockets
	if nobodys {
		sockets = sockets[:1] // all heard the same
	}
	for i, s := range sockets {
		current := ""
		for _, f := range s.Frames {
			var e settee.Event
			var data struct {
				Prompt string `json:"prompt_id"`
				SID    string `json:"sid"`
			}
			out := settee.Frame{}
			if f.Binary != nil {
				out.Binary = binaryOf(t, f.Binary)
			} else {
				unmarshal(t, f.Text, &e)
				unmarshal(t, e.Data, &data)
				if data.SID != "" || e.Type == "feature_flags" || e.Type == settee.EventStatus && i > 0 {
					continue
				}
				out.Type, out.Data = e.Type, e.Data
				current = data.Prompt
			}
			if current != "" {
				out.JobID, out.PromptID, out.ClientID, out.Attempt = "id-"+current, current, clients[current], 1
			}
			all = append(all, heard{f.T, out})
		}
	}
	slices.SortStableFunc(all, func(x, y heard) int {
		switch {
		case x.at < y.at:
			return -1
		case x.at > y.at:
			return 1
		}
		return 0
	})
	seq := map[string]int{}
	for _, h := range all {
		if (settee.Event{Type: h.f.Type}).Durable() {
			seq[h.f.JobID]++
			h.f.Seq = seq[h.f.JobID]
			h.f.Ended = strings.HasPrefix(h.f.Type, "execution_s") && h.f.Type != settee.EventStart || h.f.Type == settee.EventInterrupted
		}
		frames = append(frames, h.f)
	}
	return frames
}

// binaryOf stands for a recorded picture: its header and its hash.
func binaryOf(t *testing.T, b *recording.Binary) []byte {
	header, err := hex.DecodeString(b.Header)
	if err != nil {
		t.Fatal(err)
	}
	if b.Type == 3 {
		return append(header, b.Text...)
	}
	return append(header, b.SHA256...)
}

func unmarshal(t *testing.T, raw []byte, v any) {
	t.Helper()
	if err := json.Unmarshal(raw, v); err != nil {
		t.Fatalf("%v in %.200s", err, raw)
	}
}

// lines are a recorded socket's messages, compacted as the hub writes them.
func lines(t *testing.T, s recording.Socket) (all []string) {
	for _, f := range s.Frames {
		if f.Binary != nil {
			all = append(all, "binary "+hex.EncodeToString(binaryOf(t, f.Binary)))
			continue
		}
		all = append(all, compact(t, f.Text))
	}
	return all
}

func compact(t *testing.T, raw []byte) string {
	var b bytes.Buffer
	if err := json.Compact(&b, raw); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// In open mode each socket hears what it heard from a ComfyUI.
func TestOpenModeAgainstRecordedSockets(t *testing.T) {
	for _, name := range []string{"two-clients", "no-client-id", "preview-jpeg", "preview-metadata", "preview-no-client-id",
		"preview-two-clients", "preview-interrupt", "websocket-image", "websocket-image-metadata", "node-ui", "node-block-message", "long-chain"} {
		t.Run(name, func(t *testing.T) {
			c := recording.One(t, name)
			h := newHouse(t, live.Options{Previews: live.PreviewsAlways})
			defer h.hub.Close()
			var sessions []*live.Session
			for _, client := range c.Clients {
				s := h.attach(live.Listener{ClientID: client.ClientID, Open: true})
				defer s.Close()
				if client.Features != nil && string(client.Features) != "null" {
					s.Received([]byte(`{"type":"feature_flags","data":` + string(client.Features) + `}`))
				}
				sessions = append(sessions, s)
			}
			h.publish(withMetadataFirst(publication(t, c))...)
			for i, s := range sessions {
				want := lines(t, c.Sockets[i])
				if !strings.HasSuffix(name, "two-clients") {
					expect(t, c.Sockets[i].Name, s, want...)
					continue
				}
				// The clocks of two sockets do not say where status stood among
				// the other's events: only each one's own order counts.
				expectOwn(t, c.Sockets[i].Name, heard(t, s), want)
			}
		})
	}
}

// withMetadataFirst makes of each recorded image what a publisher sends: type 4,
// before the progress that a client without metadata heard before it.
func withMetadataFirst(frames []settee.Frame) []settee.Frame {
	for i, f := range frames {
		if len(f.Binary) < 8 || f.Binary[3] != 1 {
			continue
		}
		kind := "image/jpeg"
		if f.Binary[7] == 2 {
			kind = "image/png"
		}
		f.Binary = withMetadata(kind, string(f.Binary[8:]))
		frames[i] = f
		if i > 0 && frames[i-1].Type == settee.EventProgress {
			frames[i-1], frames[i] = frames[i], frames[i-1]
		}
	}
	return frames
}

func expectOwn(t *testing.T, who string, got, want []string) {
	t.Helper()
	own := func(all []string) (some []string) {
		for _, m := range all {
			if !strings.HasPrefix(m, `{"type":"status"`) {
				some = append(some, m)
			}
		}
		return some
	}
	if len(got) != len(want) || !slices.Equal(own(got), own(want)) {
		t.Errorf("%s has heard %d messages, want %d:\n%s", who, len(got), len(want), strings.Join(got, "\n"))
	}
}

// What a client that knows metadata heard, given to one that does not, is in
// the order in which such a client heard it.
func TestOldClientsHearAsRecorded(t *testing.T) {
	c := recording.One(t, "preview-metadata")
	h := newHouse(t, live.Options{Previews: live.PreviewsAlways})
	defer h.hub.Close()
	s := h.attach(live.Listener{ClientID: c.Clients[0].ClientID, Open: true})
	defer s.Close()
	h.publish(publication(t, c)...)
	shape := func(messages []string) (kinds []string) {
		for _, m := range messages {
			if b, ok := strings.CutPrefix(m, "binary "); ok {
				kinds = append(kinds, "binary "+b[:16])
				continue
			}
			var e settee.Event
			unmarshal(t, []byte(m), &e)
			kinds = append(kinds, e.Type)
		}
		return kinds
	}
	got := heard(t, s)
	want := shape(lines(t, recording.One(t, "preview-jpeg").Sockets[0]))
	if g := shape(got); !slices.Equal(g, want) {
		t.Errorf("got  %q\nwant %q", g, want)
	}
	for i, m := range got {
		if strings.HasPrefix(m, "binary ") && !strings.Contains(got[i-1], `"type":"progress"`) {
			t.Errorf("message %d is a picture after %s", i, got[i-1])
		}
	}
}

// A client that comes back hears which node is current, then the rest.
func TestReconnectAsRecorded(t *testing.T) {
	c := recording.One(t, "reconnect")
	h := newHouse(t, live.Options{})
	defer h.hub.Close()
	frames := publication(t, c)
	first := h.attach(live.Listener{ClientID: c.Clients[0].ClientID, Open: true})
	n := len(c.Sockets[0].Frames) - 1 // but the greeting
	h.publish(frames[:n]...)
	expect(t, "the first socket", first, lines(t, c.Sockets[0])...)
	first.Close()
	second := h.attach(live.Listener{ClientID: c.Clients[0].ClientID, Open: true})
	defer second.Close()
	rest := frames[n:]
	if rest[0].Type == settee.EventExecuting && !bytes.Contains(rest[0].Data, []byte("prompt_id")) {
		rest = rest[1:] // the second socket's own
	}
	// The recorded socket knew of one job in the queue when it came.
	want := lines(t, c.Sockets[1])
	rest = slices.DeleteFunc(rest, func(f settee.Frame) bool { return f.Type == settee.EventStatus })
	h.publish(rest...)
	want = slices.DeleteFunc(want, func(m string) bool { return strings.HasPrefix(m, `{"type":"status"`) && !strings.Contains(m, "sid") })
	expect(t, "the second socket", second, want...)
}
