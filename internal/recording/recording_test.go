package recording

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"mime"
	"mime/multipart"
	"strconv"
	"strings"
	"testing"
)

func TestEverythingIsThere(t *testing.T) {
	if n := len(Cases(t)); n != 147 {
		t.Errorf("%d cases", n)
	}
	if n := len(Errors(t)); n != 178 {
		t.Errorf("%d refusals", n)
	}
	if n := len(Exchanges(t)); n != 59 {
		t.Errorf("%d exchanges", n)
	}
	for _, c := range Cases(t) {
		if len(c.Prompts) == 0 || len(c.Sockets) != len(c.Clients) || c.Compare == "" {
			t.Errorf("%s: %d prompts, %d sockets of %d clients, compare %q", c.Name, len(c.Prompts), len(c.Sockets), len(c.Clients), c.Compare)
		}
		for i, p := range c.Prompts {
			if p.Status == 200 && p.History == nil || !json.Valid(p.Request) || !json.Valid(p.Response) {
				t.Errorf("%s: prompt %d: status %d, history %.20s, request %.20s, response %.20s", c.Name, i+1, p.Status, p.History, p.Request, p.Response)
			}
		}
		for _, s := range c.Sockets {
			for _, f := range s.Frames {
				if (f.Text == nil) == (f.Binary == nil) {
					t.Errorf("%s: a frame of %s is neither text nor binary, or both", c.Name, s.Name)
				}
			}
		}
	}
}

func TestKeptPixelsAreTheRecordedOnes(t *testing.T) {
	for _, c := range Cases(t) {
		for _, o := range c.Outputs {
			if o.PNG == nil {
				continue
			}
			pixels, err := o.Picture()
			if err != nil {
				t.Fatalf("%s: %s: %v", c.Name, o.Filename, err)
			}
			if sum := sha256.Sum256(pixels); hex.EncodeToString(sum[:]) != o.Pixels {
				t.Errorf("%s: %s: pixels differ from their hash", c.Name, o.Filename)
			}
		}
	}
}

func TestBodiesHaveTheLengthThatWasSent(t *testing.T) {
	for _, x := range append(Errors(t), Exchanges(t)...) {
		length, ok := x.Header["Content-Length"]
		if !ok || x.Body == nil || x.Request.Method == "HEAD" {
			continue
		}
		if got := strconv.Itoa(len(x.Body)); got != length {
			t.Errorf("%s: %s bytes, Content-Length %s: %.80s", x.Name, got, length, x.Body)
		}
	}
}

func TestNoSourceLinesAreKept(t *testing.T) {
	for _, name := range []string{"cases.jsonl.gz", "errors.jsonl.gz", "exchanges.jsonl.gz"} {
		if bytes.Contains(whole(name), []byte(`, line `)) {
			t.Errorf("%s holds lines of a traceback", name)
		}
	}
	for _, word := range []string{`"tooltip"`, `"output_tooltips"`} {
		if bytes.Contains(ObjectInfo(), []byte(word)) {
			t.Errorf("object_info holds %s", word)
		}
	}
}

func TestFormsAreWrittenWithTheirBoundary(t *testing.T) {
	for _, x := range Exchanges(t) {
		if x.Name != "upload-09-subfolder" {
			continue
		}
		_, params, err := mime.ParseMediaType(x.Request.Header["Content-Type"])
		if err != nil {
			t.Fatal(err)
		}
		form, err := multipart.NewReader(bytes.NewReader(x.Request.Body()), params["boundary"]).ReadForm(1 << 20)
		if err != nil {
			t.Fatal(err)
		}
		if got := form.Value["subfolder"]; len(got) != 1 || got[0] != "a/b" {
			t.Errorf("subfolder %q", got)
		}
		if got := form.File["image"]; len(got) != 1 || got[0].Filename != "cat.png" || got[0].Size < 60 {
			t.Errorf("image %+v", got)
		}
		return
	}
	t.Fatal("no upload with a sub-folder")
}

func TestDefinitionsCoverTheRequests(t *testing.T) {
	var known map[string]json.RawMessage
	if err := json.Unmarshal(ObjectInfo(), &known); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(RecordingNodes(), &known); err != nil {
		t.Fatal(err)
	}
	for _, c := range Cases(t) {
		for _, class := range c.Nodes {
			if known[class] == nil && !strings.HasPrefix(class, "Unknown") {
				t.Errorf("%s: class %s has no definition", c.Name, class)
			}
		}
	}
}

func TestOddBytesSurvive(t *testing.T) {
	for _, want := range []Bytes{nil, {}, Bytes("a<b>&\u2028"), {0xff, 0x00, 0xfe}, Bytes(`{"x": NaN}`)} {
		raw, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		var got Bytes
		if err := json.Unmarshal(raw, &got); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) || (got == nil) != (want == nil) {
			t.Errorf("%q became %q", []byte(want), []byte(got))
		}
	}
}
