package workflow

import "github.com/settee/settee"

// Apply makes a graph's text with its edits. With hidden false it is what
// clients read back, as ComfyUI shows converted literals; with hidden true what
// an engine gets. Edits are in ascending order and do not overlap; one that
// does not fit is left out. Without edits to make, the result is raw itself.
func Apply(raw []byte, edits []settee.Edit, hidden bool) []byte {
	size, made := len(raw), false
	for _, e := range edits {
		if hidden || !e.Hidden {
			size, made = size+len(e.Text), true
		}
	}
	if !made {
		return raw
	}
	out, done := make([]byte, 0, size), 0
	for _, e := range edits {
		if e.Hidden && !hidden || e.Start < done || e.End < e.Start || e.End > len(raw) {
			continue
		}
		out = append(append(out, raw[done:e.Start]...), e.Text...)
		done = e.End
	}
	return append(out, raw[done:]...)
}
