package pyre

import (
	"slices"
	"unicode"
)

// IsSpace is Python's str.isspace of one character.
func IsSpace(r rune) bool { return unicode.IsSpace(r) || r >= 0x1c && r <= 0x1f }

func isWord(r rune, flags Flags) bool {
	if flags&ASCII != 0 {
		return r == '_' || r < 128 && (unicode.IsLetter(r) || unicode.IsDigit(r))
	}
	return r == '_' || unicode.IsLetter(r) || unicode.IsNumber(r)
}

func inCategory(category, r rune, flags Flags) bool {
	ascii := flags&ASCII != 0
	switch category {
	case 'd':
		return unicode.Is(unicode.Nd, r) && !(ascii && r > 127)
	case 's':
		return IsSpace(r) && !(ascii && (r > 127 || r >= 0x1c && r <= 0x1f))
	case 'w':
		return isWord(r, flags)
	}
	return !inCategory(unicode.ToLower(category), r, flags)
}

// variants are the characters that are r when case does not count, r first.
func variants(r rune, flags Flags) []rune {
	all := []rune{r}
	if flags&IgnoreCase == 0 {
		return all
	}
	if flags&ASCII != 0 {
		if r < 128 && isLetter(byte(r)) {
			all = append(all, r^32)
		}
		return all
	}
	const dotted, dotless = 'İ', 'ı'
	if r == dotted || r == dotless {
		return []rune{r, 'i', 'I', dotted, dotless}
	}
	for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
		all = append(all, f)
	}
	if r == 'i' || r == 'I' {
		all = append(all, dotted, dotless)
	}
	return all
}

// test says whether a character fits.
type test func(r rune) bool

// tester makes the test of a tree of one character; nil for other trees.
func tester(t *tree, flags Flags) test {
	switch t.kind {
	case literal:
		all := variants(t.char, flags)
		if len(all) == 1 {
			return func(r rune) bool { return r == all[0] }
		}
		return func(r rune) bool { return slices.Contains(all, r) }
	case dot:
		if flags&DotAll != 0 {
			return func(rune) bool { return true }
		}
		return func(r rune) bool { return r != '\n' }
	case branch:
		all := make([]test, len(t.kids))
		for i, kid := range t.kids {
			if kid.kind != sequence || len(kid.kids) != 1 {
				return nil
			}
			if all[i] = tester(kid.kids[0], flags); all[i] == nil {
				return nil
			}
		}
		return func(r rune) bool {
			return slices.ContainsFunc(all, func(fits test) bool { return fits(r) })
		}
	case set:
		return func(r rune) bool { return t.has(r, flags) != t.negated }
	}
	return nil
}

func (t *tree) has(r rune, flags Flags) bool {
	all := []rune{r}
	if flags&IgnoreCase != 0 {
		all = variants(r, flags)
	}
	for _, i := range t.items {
		if i.category != 0 {
			if inCategory(i.category, r, flags) {
				return true
			}
			continue
		}
		for _, v := range all {
			if v >= i.low && v <= i.high {
				return true
			}
		}
	}
	return false
}
