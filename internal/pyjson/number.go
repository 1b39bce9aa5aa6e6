package pyjson

import (
	"math"
	"math/big"
	"strconv"
)

// Digits is a whole number as Python prints it, "" for other kinds.
func (v Value) Digits() string {
	if v.Kind != Int {
		return ""
	}
	if s := string(v.Raw()); s != "-0" {
		return s
	}
	return "0"
}

// Big is a whole number, true (1) or false (0); nil for other kinds.
func (v Value) Big() *big.Int {
	switch v.Kind {
	case Bool:
		n := int64(0)
		if v.doc[v.Start] == 't' {
			n = 1
		}
		return big.NewInt(n)
	case Int:
		n, _ := new(big.Int).SetString(string(v.Raw()), 10)
		return n
	}
	return nil
}

// Float is a number's value as a float: 1e400 is infinite, as in Python. It is
// 0 for other kinds.
func (v Value) Float() float64 {
	if v.Kind != Int && v.Kind != Float {
		return 0
	}
	switch s := string(v.Raw()); s {
	case "NaN":
		return math.NaN()
	case "Infinity":
		return math.Inf(1)
	case "-Infinity":
		return math.Inf(-1)
	default:
		f, _ := strconv.ParseFloat(s, 64) // out of range: infinite
		return f
	}
}

// Truthy is Python's bool of a value: false for null, false, 0, NaN is true,
// "" and what is empty.
func (v Value) Truthy() bool {
	switch v.Kind {
	case Bool:
		return v.doc[v.Start] == 't'
	case Int:
		return v.Big().Sign() != 0
	case Float:
		return v.Float() != 0
	case String:
		return v.End-v.Start > 2
	case Array, Object:
		return v.doc[skipSpace(v.doc, v.Start+1)] != v.doc[v.End-1]
	}
	return false
}

// TypeName is what Python calls the value's type: "int", "NoneType", "dict".
func (v Value) TypeName() string {
	switch v.Kind {
	case Bool:
		return "bool"
	case Int:
		return "int"
	case Float:
		return "float"
	case String:
		return "str"
	case Array:
		return "list"
	case Object:
		return "dict"
	}
	return "NoneType"
}
