package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/settee/settee/internal/recording"
)

// className finds what a request names; quotes inside text count too, which
// only keeps a class more.
var className = regexp.MustCompile(`"class_type": ?"([^"]+)"`)

// definitions is object_info cut to the classes that need no model and those
// named by a request.
func definitions(from string, cases []recording.Case, refusals []recording.Exchange) ([]byte, error) {
	free, err := os.ReadFile(filepath.Join(from, "model_free_classes.json"))
	if err != nil {
		return nil, err
	}
	var names []string
	if err := json.Unmarshal(free, &names); err != nil {
		return nil, err
	}
	want := map[string]bool{}
	for _, n := range names {
		want[n] = true
	}
	name := func(raw []byte) {
		for _, m := range className.FindAllSubmatch(raw, -1) {
			want[string(m[1])] = true
		}
	}
	for _, c := range cases {
		for _, p := range c.Prompts {
			name(p.Request)
		}
	}
	for _, x := range refusals {
		name(x.Request.Sent)
	}
	return cutDefinitions(filepath.Join(from, "object_info.json"), want)
}

func customNodes(from string) ([]byte, error) {
	return cutDefinitions(filepath.Join(from, "object_info_recording_nodes.json"), nil)
}

// cutDefinitions keeps the wanted classes (nil: all), empties descriptions and
// drops tooltips.
func cutDefinitions(path string, want map[string]bool) ([]byte, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	classes, err := members(string(raw))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	var out []string
	for _, c := range classes {
		if want != nil && !want[c.key] {
			continue
		}
		text, err := plain(squeeze(c.value), true)
		if err != nil {
			return nil, fmt.Errorf("%s: %s: %w", path, c.key, err)
		}
		out = append(out, `"`+c.key+`": `+text)
	}
	return []byte("{" + strings.Join(out, ", ") + "}\n"), nil
}

// plain takes words for people out of a definition; top is the definition
// itself, whose description is emptied but stays.
func plain(value string, top bool) (string, error) {
	switch value[0] {
	case '{':
		all, err := members(value)
		if err != nil {
			return "", err
		}
		var out []string
		for _, m := range all {
			switch {
			case m.key == "tooltip" || m.key == "output_tooltips" || m.key == "description" && !top:
				if m.value[0] == '"' || m.value[0] == '[' || m.value == "null" {
					continue
				}
			case m.key == "description":
				m.value = `""`
			}
			text, err := plain(m.value, false)
			if err != nil {
				return "", err
			}
			out = append(out, `"`+m.key+`": `+text)
		}
		return "{" + strings.Join(out, ", ") + "}", nil
	case '[':
		var out []string
		for i := 1; i < len(value)-1; {
			if value[i] == ' ' || value[i] == ',' {
				i++
				continue
			}
			end := valueEnd(value, i)
			text, err := plain(value[i:end], false)
			if err != nil {
				return "", err
			}
			out = append(out, text)
			i = end
		}
		return "[" + strings.Join(out, ", ") + "]", nil
	}
	return value, nil
}
