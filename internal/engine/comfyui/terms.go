package comfyui

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"github.com/settee/settee/internal/engine"
	"github.com/settee/settee/internal/pyjson"
)

// redacted stands wherever a partner key was.
const redacted = "[REDACTED]"

// terms puts what ComfyUI says into the client's terms: its prompt id, the
// names it gave its files; no salt, no partner key, no folder of the machine.
// Nothing is replaced outside the strings of a JSON text.
type terms struct {
	id, promptID []byte   // as they stand inside a JSON string
	marks        [][]byte // the same of all else that is replaced
	plain        *strings.Replacer
}

// folderMark is what clients see of the machine's folders.
const folderMark = "/ComfyUI"

func newTerms(job engine.Job, id, salt string, names map[string]string, folders []string) *terms {
	t := &terms{id: []byte(id), promptID: inner(job.PromptID)}
	plain := []string{id, job.PromptID}
	add := func(old, replacement string) {
		if old == "" {
			return
		}
		t.marks = append(t.marks, inner(old))
		plain = append(plain, old, replacement)
	}
	staged := make([]string, 0, len(names))
	for s := range names {
		staged = append(staged, s)
	}
	slices.SortFunc(staged, func(a, b string) int { return len(b) - len(a) })
	for _, s := range staged {
		add(s, names[s])
	}
	add(salt, "")
	for _, s := range secrets(job.ExtraData) {
		add(s, redacted)
	}
	for _, f := range folders {
		add(f, folderMark)
	}
	t.plain = strings.NewReplacer(plain...)
	return t
}

// inner is a text as it stands between the quotes of a JSON string.
func inner(s string) []byte {
	q := pyjson.Quote(s)
	return q[1 : len(q)-1]
}

// secrets are the values of extra_data that nobody may see again.
func secrets(extra json.RawMessage) (all []string) {
	v, err := pyjson.Parse(extra)
	if err != nil {
		return nil
	}
	for _, m := range v.Members() {
		name := strings.ToLower(m.Key)
		hidden := slices.ContainsFunc([]string{"token", "api_key", "apikey", "secret", "password"}, func(w string) bool { return strings.Contains(name, w) })
		if s := m.Value.Text(); hidden && len(s) >= 4 && s != redacted {
			all = append(all, s)
		}
	}
	return all
}

// json puts a piece of JSON into the client's terms. What is returned is JSON
// that any reader takes.
func (t *terms) json(v pyjson.Value) json.RawMessage {
	out := bytes.ReplaceAll(v.Raw(), t.id, t.promptID) // always a copy: frames are kept by others
	if t.marked(out) {
		out = t.inStrings(out)
	}
	if bytes.Contains(out, []byte("NaN")) || bytes.Contains(out, []byte("Infinity")) {
		if v, err := pyjson.Parse(out); err == nil {
			out = pyjson.Strict(v)
		}
	}
	return out
}

func (t *terms) marked(raw []byte) bool {
	return slices.ContainsFunc(t.marks, func(m []byte) bool { return bytes.Contains(raw, m) })
}

// inStrings replaces in the strings of a JSON text. What is looked for may be the
// digits of a number or of an escape too: those stay.
func (t *terms) inStrings(raw []byte) (out []byte) {
	for {
		start := bytes.IndexByte(raw, '"')
		if start < 0 {
			return append(out, raw...)
		}
		end := start + 1
		for ; raw[end] != '"'; end++ {
			if raw[end] == '\\' {
				end++
			}
		}
		text := raw[start : end+1]
		out = append(out, raw[:start]...)
		if t.marked(text) {
			text = pyjson.Quote(t.plain.Replace(pyjson.Of(string(text)).Text()))
		}
		out, raw = append(out, text...), raw[end+1:]
	}
}

// text is the same for a plain text.
func (t *terms) text(s string) string { return t.plain.Replace(s) }
