package node

import (
	"fmt"
	"math/big"

	"github.com/settee/settee/internal/engine/native/pixel"
	"github.com/settee/settee/internal/pyjson"
)

// Value is what goes through a slot: nil (None), bool, int64, *big.Int (a whole
// number that int64 cannot hold), float64, string, *pixel.Image (IMAGE), Mask,
// List (of an OUTPUT_IS_LIST slot only), *Blocker, or a pyjson.Value (an array
// or object written into the graph).
//
// A class may return a *pixel.Image for a MASK output and an int for an INT
// one: Typed makes them what they are.
type Value any

// Mask is a MASK: an Image of one channel without that axis.
type Mask struct{ *pixel.Image }

// List is the value of an OUTPUT_IS_LIST slot.
type List []Value

// Blocker stands for a result that must not be used: nodes that get it are not
// run. With a message, the first of them says so in an execution_error that
// does not end the run. A class may return a single one for all its outputs.
type Blocker struct{ Message string }

// Error is what ComfyUI would raise: exception type and message.
type Error = pixel.Error

// Raise makes an Error.
func Raise(kind, format string, args ...any) error {
	return &Error{Type: kind, Message: fmt.Sprintf(format, args...)}
}

// Literal is a constant of the graph as a Value.
func Literal(v pyjson.Value) Value {
	switch v.Kind {
	case pyjson.Bool:
		return v.Truthy()
	case pyjson.Int:
		n := v.Big()
		if n.IsInt64() {
			return n.Int64()
		}
		return n
	case pyjson.Float:
		return v.Float()
	case pyjson.String:
		return v.Text()
	case pyjson.Null, pyjson.Absent:
		return nil
	}
	return v
}

// Typed is v as a slot of that type keeps it.
func Typed(kind string, v Value) Value {
	switch v := v.(type) {
	case int:
		return int64(v)
	case *big.Int:
		if v.IsInt64() {
			return v.Int64()
		}
	case *pixel.Image:
		if kind == "MASK" && v != nil {
			return Mask{v}
		}
	case []*pixel.Image:
		list := make(List, len(v))
		for i := range v {
			list[i] = Typed(kind, v[i])
		}
		return list
	case List:
		list := make(List, len(v))
		for i := range v {
			list[i] = Typed(kind, v[i])
		}
		return list
	}
	return v
}

// Size is about how many bytes a value keeps in memory.
func Size(v Value) int64 {
	switch v := v.(type) {
	case *pixel.Image:
		return 4*int64(len(v.Pix)) + 64
	case Mask:
		return 4*int64(len(v.Pix)) + 64
	case string:
		return int64(len(v)) + 16
	case List:
		n := int64(16)
		for _, item := range v {
			n += Size(item)
		}
		return n
	case pyjson.Value:
		return int64(v.End-v.Start) + 48
	}
	return 16
}

// TypeName is what Python calls the value's type.
func TypeName(v Value) string {
	switch v := v.(type) {
	case nil:
		return "NoneType"
	case bool:
		return "bool"
	case int64, *big.Int:
		return "int"
	case float64:
		return "float"
	case string:
		return "str"
	case *pixel.Image, Mask:
		return "Tensor"
	case pyjson.Value:
		return v.TypeName()
	}
	return "object"
}
