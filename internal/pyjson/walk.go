package pyjson

import "iter"

// Member is a name and its value in an object.
type Member struct {
	Key   string
	Value Value
}

// Items walks an array; of any other value, nothing.
func (v Value) Items() iter.Seq[Value] {
	return func(yield func(Value) bool) {
		if v.Kind != Array {
			return
		}
		i := skipSpace(v.doc, v.Start+1)
		for v.doc[i] != ']' {
			end := skip(v.doc, i)
			if !yield(at(v.doc, i, end)) {
				return
			}
			if i = skipSpace(v.doc, end); v.doc[i] == ',' {
				i = skipSpace(v.doc, i+1)
			}
		}
	}
}

// pairs walks an object's members as they are written, keys undecoded.
func (v Value) pairs(yield func(key, value Value) bool) {
	if v.Kind != Object {
		return
	}
	i := skipSpace(v.doc, v.Start+1)
	for v.doc[i] != '}' {
		end := skipText(v.doc, i)
		key := Value{Kind: String, Start: i, End: end, doc: v.doc}
		i = skipSpace(v.doc, skipSpace(v.doc, end)+1)
		end = skip(v.doc, i)
		if !yield(key, at(v.doc, i, end)) {
			return
		}
		if i = skipSpace(v.doc, end); v.doc[i] == ',' {
			i = skipSpace(v.doc, i+1)
		}
	}
}

// Pairs walks an object's members as they are written, a key that comes twice
// twice; of any other value, nothing.
func (v Value) Pairs() iter.Seq2[string, Value] {
	return func(yield func(string, Value) bool) {
		v.pairs(func(key, value Value) bool { return yield(key.Text(), value) })
	}
}

// Members lists an object's members in their order; of any other value, none.
// A key that comes twice is listed once: the last value in the first place.
func (v Value) Members() []Member {
	var all []Member
	var index map[string]int // made when looking through all would take long
	v.pairs(func(key, value Value) bool {
		k := key.Text()
		if index == nil && len(all) == 16 {
			index = map[string]int{}
			for i := range all {
				index[all[i].Key] = i
			}
		}
		if index != nil {
			if i, ok := index[k]; ok {
				all[i].Value = value
				return true
			}
			index[k] = len(all)
		} else {
			for i := range all {
				if all[i].Key == k {
					all[i].Value = value
					return true
				}
			}
		}
		all = append(all, Member{k, value})
		return true
	})
	return all
}

// Get is the member of that name; Absent when there is none, or no object.
func (v Value) Get(key string) Value {
	var found Value
	v.pairs(func(k, value Value) bool {
		if k.is(key) {
			found = value
		}
		return true
	})
	return found
}

// Fields are the members of those names, in one walk; Absent where there is
// none.
func (v Value) Fields(names ...string) []Value {
	found := make([]Value, len(names))
	v.pairs(func(k, value Value) bool {
		for i, name := range names {
			if k.is(name) {
				found[i] = value
			}
		}
		return true
	})
	return found
}

// Len counts an array's items or an object's members as they are written
// (a key that comes twice counts twice).
func (v Value) Len() int {
	n := 0
	for range v.Items() {
		n++
	}
	v.pairs(func(Value, Value) bool { n++; return true })
	return n
}

// Index is the i-th item of an array; Absent past its end.
func (v Value) Index(i int) Value {
	for item := range v.Items() {
		if i == 0 {
			return item
		}
		i--
	}
	return Value{}
}
