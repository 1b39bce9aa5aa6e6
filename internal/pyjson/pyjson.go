// Package pyjson reads and writes JSON as Python does. It reads NaN, Infinity
// and duplicate keys (the last value wins, in the first one's place), keeps
// whole numbers of any size as text, and knows where in the text each value
// lies, so that a document is changed by its bytes and never written again.
//
// Parse checks a whole document in one pass and keeps nothing but the text;
// members and items are found when they are asked for. Nothing takes more than
// linear time in the length of the text at each level of nesting, and nesting
// ends at MaxDepth.
package pyjson

import "fmt"

// MaxDepth is how deep arrays and objects may be nested.
const MaxDepth = 200

// MaxDigits is how many digits a whole number may have; Python refuses longer
// ones too.
const MaxDigits = 4300

// Kind is what a value is. The zero Kind is that of a value that is not there.
type Kind uint8

// Kinds. Whole numbers and floats differ as in Python: 1.0 and 1e3 are floats.
const (
	Absent Kind = iota
	Null
	Bool
	Int
	Float
	String
	Array
	Object
)

// Value is a piece of a document: the bytes [Start, End) of its text. A Value
// stays good as long as the text is not changed.
type Value struct {
	Kind       Kind
	Start, End int
	doc        []byte
}

// SyntaxError says where a text stops being JSON.
type SyntaxError struct {
	Offset int // bytes
	Reason string
}

func (e *SyntaxError) Error() string { return fmt.Sprintf("%s at byte %d", e.Reason, e.Offset) }

// Parse reads a document. The error is a *SyntaxError. Bytes that are not
// UTF-8 are an error, as are control characters in strings.
func Parse(raw []byte) (Value, error) {
	s := scanner{doc: raw}
	i := s.space(0)
	end := s.value(i, 0)
	if s.err == nil {
		if rest := s.space(end); rest < len(raw) {
			s.fail(rest, "more text after the value")
		}
	}
	if s.err != nil {
		return Value{}, s.err
	}
	return at(raw, i, end), nil
}

// Raw is the value's own text.
func (v Value) Raw() []byte {
	return v.doc[v.Start:v.End:v.End]
}

// Same reports whether o is the same piece of the same text.
func (v Value) Same(o Value) bool {
	return v.Start == o.Start && v.End == o.End && len(v.doc) == len(o.doc) && (len(v.doc) == 0 || &v.doc[0] == &o.doc[0])
}

// at is the value that lies at [start, end) of a checked text.
func at(doc []byte, start, end int) Value {
	v := Value{Start: start, End: end, doc: doc}
	switch doc[start] {
	case '{':
		v.Kind = Object
	case '[':
		v.Kind = Array
	case '"':
		v.Kind = String
	case 't', 'f':
		v.Kind = Bool
	case 'n':
		v.Kind = Null
	case 'N', 'I':
		v.Kind = Float
	default:
		v.Kind = Int
		for _, c := range doc[start:end] {
			if c == '.' || c == 'e' || c == 'E' || c == 'I' {
				v.Kind = Float
				break
			}
		}
	}
	return v
}
