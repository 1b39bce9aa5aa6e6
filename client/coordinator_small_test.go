package client_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/engine"
	"github.com/settee/settee/internal/queue"
)

// A small file is not uploaded but goes with its output, from version 4 on, unless
// the server has it from this session; Keep uploads it after all, once.
func TestSmallFilesAreNotUploaded(t *testing.T) {
	content := bytes.Repeat([]byte("0123456789abcdef"), engine.MaxSmall/16+1)[:engine.MaxSmall+1]
	for _, c := range []struct {
		version int
		size    int
		along   bool
		calls   string
	}{
		{4, 0, true, ""}, {4, 1, true, ""}, {4, engine.MaxSmall, true, ""}, {4, engine.MaxSmall + 1, false, "PUT"},
		{3, 1, false, "PUT"}, {3, engine.MaxSmall, false, "PUT"}, {1, 1, false, "PUT"},
	} {
		for kind, reader := range readers {
			d := &depot{version: c.version}
			files, some := d.files(t), content[:c.size]
			b, err := files.Put(t.Context(), reader(some))
			if err != nil || b.Blob != engine.BytesOf(some).Blob || (b.Small != nil) != c.along || c.along && !bytes.Equal(b.Small, some) {
				t.Errorf("%+v, read %s: %+v with %d bytes, %v", c, kind, b.Blob, len(b.Small), err)
			}
			if got := strings.Join(d.calls, " "); got != c.calls {
				t.Errorf("%+v, read %s: calls %s", c, kind, got)
			}
			if !c.along {
				continue
			}
			for range 2 {
				if err := files.Keep(t.Context(), b); err != nil || !bytes.Equal(d.have, some) {
					t.Errorf("%+v: kept %d bytes, %v", c, len(d.have), err)
				}
			}
			if again, err := files.Put(t.Context(), reader(some)); err != nil || again.Blob != b.Blob || again.Small != nil {
				t.Errorf("%+v: again %+v with %d bytes, %v", c, again.Blob, len(again.Small), err)
			}
			if got := strings.Join(d.calls, " "); got != "PUT" {
				t.Errorf("%+v: calls to keep it %s", c, got)
			}
		}
	}
}

// The bytes of small files lie in the calls that name them.
func TestSmallFilesInCalls(t *testing.T) {
	var bodies []string
	told := func(body string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			text, err := io.ReadAll(r.Body)
			if err != nil {
				t.Error(err)
			}
			bodies = append(bodies, string(text))
			answer(200, body)(w, r)
		}
	}
	k := serve(t, map[string]http.HandlerFunc{
		"POST /worker/v1/sessions":                    answer(201, `{"version":4,"session":"s","worker":"w","pool":"p","depth":1,"lease_ms":60000}`),
		"POST /worker/v1/sessions/s/claim":            answer(200, `{"job":"j","n":1,"account":"a","prompt_id":"p","graph":"e30=","extra_data":"e30="}`),
		"POST /worker/v1/sessions/s/jobs/j/1/execute": told(`{"told":1,"output":{}}`),
		"POST /worker/v1/sessions/s/jobs/j/1/finish":  told(`{"outputs":[{}]}`),
	}).Coordinator(nil)
	_, at := opened(t, k)
	x := engine.Executed{Node: "9", Output: []engine.Key{{Name: "images", Entries: []engine.Entry{
		{New: &engine.NewFile{Bytes: engine.BytesOf([]byte("pixels")), Type: settee.Output}},
		{New: &engine.NewFile{Bytes: engine.BytesOf([]byte{}), Type: settee.Output}},
		{New: &engine.NewFile{Bytes: engine.Bytes{Blob: engine.BytesOf([]byte("elsewhere")).Blob}, Type: settee.Output}}}}}}
	if _, err := k.Execute(t.Context(), at, x); err != nil {
		t.Fatal(err)
	}
	done := queue.Ending{State: settee.Completed, Event: settee.Event{Type: settee.EventSuccess, Data: []byte(`{}`)}}
	if err := k.Finish(t.Context(), at, done, queue.Step{Executed: &x, Named: func(json.RawMessage) {}}); err != nil {
		t.Fatal(err)
	}
	file := func(content, small string) string {
		b := engine.BytesOf([]byte(content))
		return fmt.Sprintf(`{"new":{"blob":{"Hash":%q,"Size":%d}%s,"type":"output","subfolder":"","prefix":"","suffix":"","mime":""}}`, b.Hash, b.Size, small)
	}
	want := `{"executed":{"node":"9","display_node":"","real_node":"","output":[{"name":"images","entries":[` +
		file("pixels", `,"small":"cGl4ZWxz"`) + `,` + file("", `,"small":""`) + `,` + file("elsewhere", "") + `]}]}}`
	if len(bodies) != 2 || bodies[0] != `{"number":1,`+want[1:]+"\n" || !strings.Contains(bodies[1], `"last":[`+want+`]`) {
		t.Errorf("told\n%s\nwant in both\n%s", strings.Join(bodies, "\n"), want)
	}
}
