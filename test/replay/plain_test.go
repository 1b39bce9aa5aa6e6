package replay_test

import (
	"math"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/settee/settee/internal/pyjson"
)

var (
	letters  = regexp.MustCompile(`_temp_[a-z]{5}_`)
	counters = regexp.MustCompile(`_\d{5,}_`)
)

// parse reads Python's JSON.
func parse(t *testing.T, raw []byte) pyjson.Value {
	t.Helper()
	v, err := pyjson.Parse(raw)
	if err != nil {
		t.Fatalf("%v in %.300q", err, raw)
	}
	return v
}

// plain writes a value so that equal ones are written alike: keys in order,
// sets sorted, without times, tracebacks, folders and random letters.
func plain(v pyjson.Value) string { return letters.ReplaceAllString(write(v), "_temp_?_") }

func write(v pyjson.Value) string {
	switch v.Kind {
	case pyjson.Object:
		var members []string
		for _, m := range v.Members() {
			switch m.Key {
			case "timestamp", "traceback":
			case "executed", "current_outputs":
				members = append(members, m.Key+": "+set(m.Value))
			case "exception_message":
				members = append(members, m.Key+": "+unpathed(m.Value.Text()))
			default:
				members = append(members, m.Key+": "+write(m.Value))
			}
		}
		slices.Sort(members)
		return "{" + strings.Join(members, ", ") + "}"
	case pyjson.Array:
		var items []string
		for item := range v.Items() {
			items = append(items, write(item))
		}
		return "[" + strings.Join(items, ", ") + "]"
	case pyjson.Float:
		if f := v.Float(); math.IsNaN(f) || math.IsInf(f, 0) {
			return "None" // what browsers cannot read is not answered
		}
	}
	return pyjson.Repr(v)
}

// set is an array whose order means nothing.
func set(v pyjson.Value) string {
	if v.Kind != pyjson.Array {
		return write(v)
	}
	var items []string
	for item := range v.Items() {
		items = append(items, write(item))
	}
	slices.Sort(items)
	return "{" + strings.Join(items, ", ") + "}"
}

// unpathed takes the recorded server's folders out of a message.
func unpathed(s string) string {
	return strings.NewReplacer("/opt/ComfyUI/", "/", "commonpath: /opt/ComfyUI", "commonpath: /").Replace(s)
}
