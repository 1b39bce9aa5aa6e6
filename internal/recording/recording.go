// Package recording reads what a real ComfyUI answered, as a client saw it:
// requests and refusals, executed workflows with every frame of every socket,
// and the pixels they made. Tests of other packages compare themselves with it.
//
// The recordings are facts: they are never edited by hand, only made again
// from a recorder's folder (go run ./internal/recording/compact). Everything
// is loaded once a process; callers must not change what they get.
package recording

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"embed"
	"encoding/json"
	"fmt"
	"io"
	"sync"
	"testing"
)

//go:embed testdata
var folder embed.FS

// Errors are refusals and odd requests, by name. Each was sent to a server
// that had answered others before: numbers and file counters go on.
func Errors(t testing.TB) []Exchange { return must(t, errorRows) }

// Exchanges are everyday requests of one fresh server, in the order of their
// names; those of one family (upload-01, upload-02, …) build on each other.
func Exchanges(t testing.TB) []Exchange { return must(t, exchangeRows) }

// Cases are executed workflows, by name.
func Cases(t testing.TB) []Case { return must(t, caseRows) }

// One is the case of that name; the test fails when there is none.
func One(t testing.TB, name string) Case {
	t.Helper()
	for _, c := range Cases(t) {
		if c.Name == name {
			return c
		}
	}
	t.Fatalf("no recorded case %q", name)
	return Case{}
}

// ObjectInfo is the answer to GET /object_info cut to the classes that need no
// model and those that the recorded requests name; keys in the server's order,
// descriptions empty, tooltips left out.
func ObjectInfo() []byte { return definitions() }

// RecordingNodes is object_info of the classes Recording…, which stand for any
// custom node.
func RecordingNodes() []byte { return customNodes() }

// Answer is the body of a GET route without a case of its own: "system_stats",
// "features", "extensions", "queue", "queue-empty", "models", …
func Answer(t testing.TB, name string) []byte {
	t.Helper()
	for _, a := range must(t, answerRows) {
		if a.Name == name {
			return a.Body
		}
	}
	t.Fatalf("no recorded answer %q", name)
	return nil
}

type answer struct {
	Name string `json:"name"`
	Body Bytes  `json:"body"`
}

var (
	errorRows    = sync.OnceValues(func() ([]Exchange, error) { return rows[Exchange]("errors.jsonl.gz") })
	exchangeRows = sync.OnceValues(func() ([]Exchange, error) { return rows[Exchange]("exchanges.jsonl.gz") })
	caseRows     = sync.OnceValues(func() ([]Case, error) { return rows[Case]("cases.jsonl.gz") })
	answerRows   = sync.OnceValues(func() ([]answer, error) { return rows[answer]("answers.jsonl.gz") })
	definitions  = sync.OnceValue(func() []byte { return whole("object_info.json.gz") })
	customNodes  = sync.OnceValue(func() []byte { return whole("object_info_recording_nodes.json.gz") })
)

func must[T any](t testing.TB, load func() ([]T, error)) []T {
	t.Helper()
	all, err := load()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// whole is one file of the folder. It is part of the program, so a fault in it
// is a fault of the program.
func whole(name string) []byte {
	packed, err := folder.ReadFile("testdata/" + name)
	if err != nil {
		panic(err)
	}
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		panic(err)
	}
	all, err := io.ReadAll(z)
	if err != nil {
		panic(err)
	}
	return all
}

func rows[T any](name string) ([]T, error) {
	var all []T
	lines := bufio.NewScanner(bytes.NewReader(whole(name)))
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		var row T
		if err := json.Unmarshal(lines.Bytes(), &row); err != nil {
			return nil, fmt.Errorf("%s, row %d: %w", name, len(all)+1, err)
		}
		all = append(all, row)
	}
	return all, lines.Err()
}
