// Package pystr does to text what Python's str methods do: on characters, not
// bytes, with the same rules of case and of white space.
package pystr

import (
	"strings"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/language"

	"github.com/settee/settee/internal/engine/native/pyre"
)

// Upper is str.upper.
func Upper(s string) string { return cases.Upper(language.Und).String(s) }

// Lower is str.lower: a capital sigma at the end of a word becomes ς.
func Lower(s string) string {
	text := []rune(s)
	var out strings.Builder
	for i := range text {
		out.WriteString(lowered(text, i))
	}
	return out.String()
}

// Capitalize is str.capitalize: the first letter as in a title, the rest small.
func Capitalize(s string) string {
	text := []rune(s)
	var out strings.Builder
	for i := range text {
		if i == 0 {
			out.WriteString(titled(text[0]))
		} else {
			out.WriteString(lowered(text, i))
		}
	}
	return out.String()
}

// Title is str.title: a letter after anything that is no letter is large, so
// "it's" becomes "It'S".
func Title(s string) string {
	text := []rune(s)
	var out strings.Builder
	inside := false
	for i, r := range text {
		if inside {
			out.WriteString(lowered(text, i))
		} else {
			out.WriteString(titled(r))
		}
		inside = cased(r)
	}
	return out.String()
}

// Trim is str.strip, of the left side, of the right one, or of both.
func Trim(s string, left, right bool) string {
	if left {
		s = strings.TrimLeftFunc(s, pyre.IsSpace)
	}
	if right {
		s = strings.TrimRightFunc(s, pyre.IsSpace)
	}
	return s
}

func titled(r rune) string { return cases.Title(language.Und, cases.NoLower).String(string(r)) }

func cased(r rune) bool {
	return unicode.IsUpper(r) || unicode.IsLower(r) || unicode.IsTitle(r) ||
		unicode.In(r, unicode.Other_Lowercase, unicode.Other_Uppercase)
}

// skipped are characters that do not end a word (Unicode's Case_Ignorable).
func skipped(r rune) bool {
	if strings.ContainsRune("'.:^`\u00a8\u00ad\u00af\u00b4\u00b7\u00b8\u0387\u055f\u05f4\u2018\u2019\u2024\u2027\ufe13\ufe52\ufe55\uff07\uff0e\uff1a", r) {
		return true
	}
	return unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf, unicode.Lm, unicode.Sk)
}

// lowered is character i of a text in small letters.
func lowered(text []rune, i int) string {
	switch r := text[i]; r {
	case 'İ':
		return "i\u0307"
	case 'Σ':
		before, after := i-1, i+1
		for before >= 0 && skipped(text[before]) {
			before--
		}
		for after < len(text) && skipped(text[after]) {
			after++
		}
		if before >= 0 && cased(text[before]) && !(after < len(text) && cased(text[after])) {
			return "ς"
		}
		return "σ"
	default:
		return string(unicode.ToLower(r))
	}
}
