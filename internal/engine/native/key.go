package native

import (
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"github.com/zeebo/blake3"

	"github.com/settee/settee/internal/pyjson"
)

// key is what a node's result is kept under: a hash over the account, the
// class and the inputs, a link counting as the key of its source and the slot
// (protocol note 4.3). Ids and titles do not count. It is empty for what is
// equal to nothing: a NaN, a file that is not there, a class that always runs,
// and everything after one of these.
func (r *run) key(v *vertex) string {
	if v.keyed {
		return v.key
	}
	v.keyed = true // a cycle ends here, without a key
	if v.class == nil || v.class.Always {
		return ""
	}
	var b strings.Builder
	piece(&b, r.job.AccountID)
	piece(&b, v.kind)
	if v.class.Unique() {
		piece(&b, v.id)
	}
	if v.class.Prints != "" {
		pin := r.pinned(v.id, v.class.Prints)
		if pin == nil {
			return ""
		}
		piece(&b, pin.Hash)
	}
	inputs := slices.Clone(v.inputs)
	slices.SortFunc(inputs, func(a, b wire) int { return strings.Compare(a.name, b.name) })
	for _, w := range inputs {
		piece(&b, w.name)
		if !w.linked {
			if !constant(&b, w.value) {
				return ""
			}
			continue
		}
		source := r.graph.byID[w.from]
		if source == nil {
			return ""
		}
		k := r.key(source)
		if k == "" {
			return ""
		}
		b.WriteByte('@')
		piece(&b, k)
		piece(&b, strconv.Itoa(w.slot))
	}
	sum := blake3.Sum256([]byte(b.String()))
	v.key = string(sum[:])
	return v.key
}

// piece writes a string so that what follows cannot be mistaken for part of it.
func piece(b *strings.Builder, s string) {
	b.WriteString(strconv.Itoa(len(s)))
	b.WriteByte(':')
	b.WriteString(s)
}

// constant writes a value so that equal values, as Python compares them, are
// written alike: 5, 5.0 and true are 1 thing and 1. False when it holds a NaN.
func constant(b *strings.Builder, v pyjson.Value) bool {
	switch v.Kind {
	case pyjson.Bool, pyjson.Int:
		b.WriteByte('i')
		piece(b, v.Big().String())
	case pyjson.Float:
		f := v.Float()
		switch {
		case math.IsNaN(f):
			return false
		case math.Trunc(f) == f && !math.IsInf(f, 0):
			n, _ := big.NewFloat(f).Int(nil)
			b.WriteByte('i')
			piece(b, n.String())
		default:
			b.WriteByte('f')
			piece(b, strconv.FormatFloat(f, 'g', -1, 64))
		}
	case pyjson.String:
		b.WriteByte('s')
		piece(b, v.Text())
	case pyjson.Array:
		b.WriteByte('[')
		for item := range v.Items() {
			if !constant(b, item) {
				return false
			}
		}
		b.WriteByte(']')
	case pyjson.Object:
		members := v.Members()
		slices.SortFunc(members, func(a, b pyjson.Member) int { return strings.Compare(a.Key, b.Key) })
		b.WriteByte('{')
		for _, m := range members {
			piece(b, m.Key)
			if !constant(b, m.Value) {
				return false
			}
		}
		b.WriteByte('}')
	default:
		b.WriteByte('n')
	}
	return true
}
