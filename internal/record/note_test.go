package record_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/engine"
	"github.com/settee/settee/internal/record"
)

func TestStamp(t *testing.T) {
	at := time.UnixMilli(1700000000123)
	for data, want := range map[string]string{
		`{}`:                            `{"timestamp":1700000000123}`,
		` { "a" : 1 } `:                 `{ "a" : 1,"timestamp":1700000000123}`,
		`{"timestamp":5}`:               `{"timestamp":5}`,
		`{"b":{"timestamp":5}}`:         `{"b":{"timestamp":5},"timestamp":1700000000123}`,
		`[1]`:                           `[1]`,
		`{"seed":18446744073709551615}`: `{"seed":18446744073709551615,"timestamp":1700000000123}`,
	} {
		same(t, data, record.Stamp(json.RawMessage(data), at), want)
	}
}

// The preview is the first saved visual file, else the first visual one; text
// counts and is no file.
func TestSummary(t *testing.T) {
	file := func(f settee.FileType, name string) engine.Entry {
		return engine.Entry{Old: &settee.File{Filename: name, Type: f}}
	}
	node := func(id, key string, entries ...engine.Entry) engine.Executed {
		return engine.Executed{Node: id + ".0", DisplayNode: id, Output: []engine.Key{{Name: key, Entries: entries}}}
	}
	for _, c := range []struct {
		what  string
		nodes []engine.Executed
		want  string
	}{
		{"none", nil, `0  `},
		{"text", []engine.Executed{node("1", "text", engine.Entry{JSON: json.RawMessage(`"x"`)})}, `1  `},
		{"other", []engine.Executed{node("1", "numbers", engine.Entry{JSON: json.RawMessage(`1`)}), node("1", "latents", file(settee.Output, "a.latent"))}, `1  `},
		{"temp before saved", []engine.Executed{node("1", "images", file(settee.Temp, "t.png")), node("2", "images", file(settee.Output, "s.png"), file(settee.Output, "u.png"))},
			`3 image {"filename":"s.png","subfolder":"","type":"output","nodeId":"2","mediaType":"images"}`},
		{"saved before temp", []engine.Executed{node("2", "audio", file(settee.Output, "s.flac")), node("1", "images", file(settee.Temp, "t.png"))},
			`2 audio,image {"filename":"s.flac","subfolder":"","type":"output","nodeId":"2","mediaType":"audio"}`},
		{"only temp", []engine.Executed{node("1", "images", file(settee.Temp, "t.mp4"), file(settee.Temp, "u.png"))},
			`2 video,image {"filename":"t.mp4","subfolder":"","type":"temp","nodeId":"1","mediaType":"video"}`},
	} {
		var s record.Summary
		for _, x := range c.nodes {
			s.Add(x, func(k, i int) settee.File { return *x.Output[k].Entries[i].Old })
		}
		b, _ := json.Marshal(s.Count)
		same(t, c.what, string(b)+" "+s.Media+" "+string(s.Preview), c.want)
	}
}

// A node that is shown twice keeps its first place and its last output.
func TestFold(t *testing.T) {
	note := func(kind, data, meta string) record.Note {
		return record.Note{Event: settee.Event{Type: kind, Data: json.RawMessage(data)}, Meta: json.RawMessage(meta)}
	}
	r := record.Fold([]record.Note{
		note("execution_start", `{"s":1}`, ``),
		note("executed", `{"node":"b","output":{"x":[1]}}`, `{"m":1}`),
		note("executed", `{"node":"a","output":{"x":[2]}}`, `{"m":2}`),
		note("executed", `{"node":"n","output":null}`, `{"m":3}`),
		note("executed", `{"node":"b","output":{"x":[18446744073709551615]}}`, `{"m":4}`),
		note("execution_success", `{"s":2}`, ``),
	})
	same(t, "outputs", r.Outputs, `{"b":{"x":[18446744073709551615]},"a":{"x":[2]}}`)
	same(t, "meta", r.Meta, `{"b":{"m":4},"a":{"m":2}}`)
	same(t, "messages", r.Messages, `[["execution_start",{"s":1}],["execution_success",{"s":2}]]`)
}

func same[T string | json.RawMessage](t *testing.T, what string, got T, want string) {
	t.Helper()
	if string(got) != want {
		t.Errorf("%s: %s, want %s", what, got, want)
	}
}
