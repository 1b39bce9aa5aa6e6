package workflow_test

import (
	"testing"

	"github.com/settee/settee/internal/workflow"
)

// Graphs are of one kind when they run the same classes equally often.
func TestKind(t *testing.T) {
	kind := func(raw string) string {
		t.Helper()
		g, err := workflow.Parse([]byte(raw))
		if err != nil {
			t.Fatal(err)
		}
		return g.Kind()
	}
	first := kind(`{"1": {"class_type": "A", "inputs": {"x": 1}}, "2": {"class_type": "B", "inputs": {}}}`)
	if again := kind(`{"b": {"class_type": "B", "inputs": {"y": ["a", 0]}}, "a": {"class_type": "A", "inputs": {"x": 2}}}`); again != first {
		t.Errorf("other values and ids make another kind: %s, %s", first, again)
	}
	for _, other := range []string{
		`{}`, `{"1": {"class_type": "A"}}`, `{"1": {"class_type": "AB"}}`,
		`{"1": {"class_type": "A"}, "2": {"class_type": "B"}, "3": {"class_type": "B"}}`, `{"1": {"class_type": "A1:B"}}`,
	} {
		if kind(other) == first {
			t.Errorf("%s is of the same kind", other)
		}
	}
}
