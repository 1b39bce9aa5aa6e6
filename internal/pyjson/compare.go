package pyjson

import (
	"fmt"
	"math"
	"math/big"
)

// Equal is Python's a == b: 1, 1.0 and true are equal, NaN is not equal to
// itself, the order of an object's keys does not matter.
func Equal(a, b Value) bool {
	if a.number() && b.number() {
		order, ok := compare(a, b)
		return ok && order == 0
	}
	if a.Kind != b.Kind {
		return false
	}
	switch a.Kind {
	case String:
		return a.Text() == b.Text()
	case Array:
		return equalItems(a, b)
	case Object:
		return equalMembers(a, b)
	}
	return true
}

func equalItems(a, b Value) bool {
	var left, right []Value
	for v := range a.Items() {
		left = append(left, v)
	}
	for v := range b.Items() {
		right = append(right, v)
	}
	if len(left) != len(right) {
		return false
	}
	for i := range left {
		if !Equal(left[i], right[i]) {
			return false
		}
	}
	return true
}

func equalMembers(a, b Value) bool {
	left, right := a.Members(), b.Members()
	if len(left) != len(right) {
		return false
	}
	index := make(map[string]Value, len(right))
	for _, m := range right {
		index[m.Key] = m.Value
	}
	for _, m := range left {
		if other, ok := index[m.Key]; !ok || !Equal(m.Value, other) {
			return false
		}
	}
	return true
}

// Less is Python's a < b for numbers and strings; other pairs raise.
func Less(a, b Value) (bool, error) { return order(a, b, "<") }

// Greater is Python's a > b.
func Greater(a, b Value) (bool, error) { return order(a, b, ">") }

func order(a, b Value, sign string) (bool, error) {
	var n int
	switch {
	case a.number() && b.number():
		var ok bool
		if n, ok = compare(a, b); !ok {
			return false, nil
		}
	case a.Kind == String && b.Kind == String:
		n = compareText(a.Text(), b.Text())
	default:
		return false, &Exception{Type: "TypeError", Text: fmt.Sprintf("'%s' not supported between instances of '%s' and '%s'", sign, a.TypeName(), b.TypeName())}
	}
	if sign == "<" {
		return n < 0, nil
	}
	return n > 0, nil
}

func compareText(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func (v Value) number() bool { return v.Kind == Bool || v.Kind == Int || v.Kind == Float }

// compare orders two numbers exactly, whole numbers of any size too; false when
// one is NaN.
func compare(a, b Value) (int, bool) {
	if a.Kind != Float && b.Kind != Float {
		return a.Big().Cmp(b.Big()), true
	}
	x, xInf, xOK := exact(a)
	y, yInf, yOK := exact(b)
	switch {
	case !xOK || !yOK:
		return 0, false
	case xInf != 0 || yInf != 0:
		return compareInt(xInf, yInf), true
	}
	return x.Cmp(y), true
}

func compareInt(a, b int) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// exact is a number without loss; inf is its sign when it is infinite, ok false
// when it is NaN.
func exact(v Value) (n *big.Rat, inf int, ok bool) {
	if v.Kind != Float {
		return new(big.Rat).SetInt(v.Big()), 0, true
	}
	f := v.Float()
	switch {
	case math.IsNaN(f):
		return nil, 0, false
	case math.IsInf(f, 1):
		return nil, 1, true
	case math.IsInf(f, -1):
		return nil, -1, true
	}
	return new(big.Rat).SetFloat64(f), 0, true
}
