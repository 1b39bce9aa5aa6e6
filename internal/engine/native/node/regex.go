package node

import (
	"errors"
	"strings"

	"github.com/settee/settee/internal/engine/native/pyre"
)

var patternFlags = []Input{
	input("case_insensitive", "BOOLEAN", `"default":true`),
	input("multiline", "BOOLEAN", `"default":false`),
	input("dotall", "BOOLEAN", `"default":false`),
}

// regexes are the classes of regular expressions (protocol note 5.3.6).
var regexes = []Class{
	textClass("RegexMatch", "Regex Match", named("matches", "BOOLEAN"), regexMatch,
		append([]Input{words("string"), words("regex_pattern")}, patternFlags...)...),

	textClass("RegexExtract", "Regex Extract", out("STRING"), regexExtract,
		append(append([]Input{
			words("string"), words("regex_pattern"),
			choice("mode", []string{"First Match", "All Matches", "First Group", "All Groups"}),
		}, patternFlags...), input("group_index", "INT", `"default":1,"min":0,"max":100`))...),

	{
		Name: "RegexReplace", Display: "Regex Replace", Category: "utils/string", Module: "comfy_extras.nodes_string", V3: true,
		About: "Replaces what a regular expression matches.",
		Inputs: []Input{
			words("string"), words("regex_pattern"), words("replace"),
			optional(patternFlags[0]), optional(patternFlags[1]),
			optional(input("dotall", "BOOLEAN", `"tooltip":"A dot stands for line breaks too.","default":false`)),
			optional(input("count", "INT", `"tooltip":"How many are replaced at most; 0: all.","default":0,"min":0,"max":100`)),
		},
		Outputs: []Output{out("STRING")},
		Run:     func(c *Call) ([]Value, error) { return one(regexReplace(c)) },
	},
}

// pattern compiles the call's pattern with its flags.
func (c *Call) pattern() (*pyre.Pattern, error) {
	var flags pyre.Flags
	if !c.Has("case_insensitive") || c.Bool("case_insensitive") {
		flags |= pyre.IgnoreCase
	}
	if c.Bool("multiline") {
		flags |= pyre.MultiLine
	}
	if c.Bool("dotall") {
		flags |= pyre.DotAll
	}
	return pyre.Compile(c.String("regex_pattern"), flags)
}

func (c *Call) find(p *pyre.Pattern, limit int) ([]*pyre.Match, error) {
	matches, err := p.Find(c.context(), c.String("string"), limit)
	return matches, endless(err)
}

// endless makes an error of the run out of a search that was given up: Python
// would go on for ever.
func endless(err error) error {
	if errors.Is(err, pyre.ErrSteps) {
		return Raise("TimeoutError", "%v", err)
	}
	return err
}

// bad reports whether err is Python's re.error.
func bad(err error) bool {
	_, ok := errors.AsType[*pyre.Error](err)
	return ok
}

func regexMatch(c *Call) (Value, error) {
	p, err := c.pattern()
	if bad(err) {
		return false, nil
	}
	matches, err := c.find(p, 1)
	return len(matches) > 0, err
}

func regexExtract(c *Call) (Value, error) {
	p, err := c.pattern()
	if bad(err) {
		return "", nil
	}
	limit, mode, group := 0, c.String("mode"), c.Int("group_index")
	switch mode {
	case "First Match", "First Group":
		limit = 1
	case "All Matches", "All Groups":
	default:
		return "", nil
	}
	matches, err := c.find(p, limit)
	if err != nil {
		return nil, err
	}
	switch mode {
	case "First Match", "All Matches":
		which := 0
		if mode == "All Matches" && p.Groups() > 0 {
			which = 1
		}
		found := make([]string, len(matches))
		for i, m := range matches {
			found[i], _ = m.Group(which)
		}
		return strings.Join(found, "\n"), nil
	}
	if group < 0 && len(matches) > 0 {
		return nil, Raise("IndexError", "no such group")
	}
	if len(matches) == 0 || p.Groups() < group || mode == "All Groups" && p.Groups() == 0 {
		return "", nil
	}
	found := make([]string, len(matches))
	for i, m := range matches {
		text, ok := m.Group(group)
		switch {
		case ok:
		case mode == "First Group":
			return nil, nil
		default:
			return nil, Raise("TypeError", "sequence item %d: expected str instance, NoneType found", i)
		}
		found[i] = text
	}
	return strings.Join(found, "\n"), nil
}

func regexReplace(c *Call) (Value, error) {
	p, err := c.pattern()
	if err != nil {
		return nil, Raise("re.error", "%v", err)
	}
	count := 0
	if c.Has("count") {
		count = max(0, c.Int("count"))
	}
	text, err := p.Replace(c.context(), c.String("string"), c.String("replace"), count, c.take)
	if bad(err) {
		return nil, Raise("re.error", "%v", err)
	}
	if name, ok := errors.AsType[*pyre.UnknownName](err); ok {
		return nil, Raise("IndexError", "%v", name)
	}
	return text, endless(err)
}
