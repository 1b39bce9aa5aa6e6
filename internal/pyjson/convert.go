package pyjson

import (
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"unicode"
)

// Exception is a Python exception: its type's name and its text.
type Exception struct {
	Type string
	Text string
}

func (e *Exception) Error() string { return e.Text }

// Of makes a value from text that is known to be JSON.
func Of(text string) Value {
	v, err := Parse([]byte(text))
	if err != nil {
		panic(fmt.Sprintf("pyjson: %q: %v", text, err))
	}
	return v
}

// ToInt is Python's int(v). The error is an *Exception.
func ToInt(v Value) (Value, error) {
	switch v.Kind {
	case Int:
		return v, nil
	case Bool:
		return Of(v.Big().String()), nil
	case Float:
		return floatToInt(v.Float())
	case String:
		return textToInt(v.Text())
	}
	return Value{}, &Exception{"TypeError", fmt.Sprintf("int() argument must be a string, a bytes-like object or a real number, not '%s'", v.TypeName())}
}

func floatToInt(f float64) (Value, error) {
	switch {
	case math.IsNaN(f):
		return Value{}, &Exception{"ValueError", "cannot convert float NaN to integer"}
	case math.IsInf(f, 0):
		return Value{}, &Exception{"OverflowError", "cannot convert float infinity to integer"}
	}
	n, _ := big.NewFloat(f).Int(nil)
	return Of(n.String()), nil
}

func textToInt(s string) (Value, error) {
	invalid := func() (Value, error) {
		shown := []rune(ReprText(s))
		return Value{}, &Exception{"ValueError", "invalid literal for int() with base 10: " + string(shown[:min(len(shown), 200)])}
	}
	t, sign := plain(s), ""
	if t != "" && (t[0] == '+' || t[0] == '-') {
		if t[0] == '-' {
			sign = "-"
		}
		t = t[1:]
	}
	digits, ok := ungroup(t)
	if !ok || digits == "" || strings.Trim(digits, "0123456789") != "" {
		return invalid()
	}
	if len(digits) > MaxDigits {
		return Value{}, &Exception{"ValueError", fmt.Sprintf("Exceeds the limit (%d digits) for integer string conversion: value has %d digits; use sys.set_int_max_str_digits() to increase the limit", MaxDigits, len(digits))}
	}
	if digits = strings.TrimLeft(digits, "0"); digits == "" {
		return Of("0"), nil
	}
	return Of(sign + digits), nil
}

// ToFloat is Python's float(v). The error is an *Exception.
func ToFloat(v Value) (Value, error) {
	switch v.Kind {
	case Float:
		return v, nil
	case Bool, Int:
		f, _ := new(big.Float).SetInt(v.Big()).Float64()
		if math.IsInf(f, 0) {
			return Value{}, &Exception{"OverflowError", "int too large to convert to float"}
		}
		return Of(floatJSON(f)), nil
	case String:
		f, ok := textToFloat(v.Text())
		if !ok {
			return Value{}, &Exception{"ValueError", "could not convert string to float: " + ReprText(v.Text())}
		}
		return Of(floatJSON(f)), nil
	}
	return Value{}, &Exception{"TypeError", fmt.Sprintf("float() argument must be a string or a real number, not '%s'", v.TypeName())}
}

func textToFloat(s string) (float64, bool) {
	t, ok := ungroup(plain(s))
	if !ok {
		return 0, false
	}
	unsigned := strings.ToLower(strings.TrimPrefix(strings.TrimPrefix(t, "+"), "-"))
	if len(t)-len(unsigned) > 1 {
		return 0, false
	}
	switch unsigned {
	case "nan":
		return math.NaN(), true
	case "inf", "infinity":
		if t[0] == '-' {
			return math.Inf(-1), true
		}
		return math.Inf(1), true
	}
	if unsigned == "" || strings.Trim(unsigned, "0123456789.e+-") != "" {
		return 0, false
	}
	f, err := strconv.ParseFloat(t, 64)
	if err != nil && !math.IsInf(f, 0) {
		return 0, false
	}
	return f, true
}

// plain takes the white space around s away and writes the digits of other
// scripts as ASCII, as int() and float() do.
func plain(s string) string {
	s = strings.TrimSpace(s)
	return strings.Map(func(r rune) rune {
		if r < 0x80 || !unicode.Is(unicode.Nd, r) {
			return r
		}
		for _, t := range unicode.Nd.R16 { // zero begins each range, and ranges are tens
			if r >= rune(t.Lo) && r <= rune(t.Hi) {
				return '0' + (r-rune(t.Lo))%10
			}
		}
		for _, t := range unicode.Nd.R32 {
			if r >= rune(t.Lo) && r <= rune(t.Hi) {
				return '0' + (r-rune(t.Lo))%10
			}
		}
		return r
	}, s)
}

// ungroup takes out underscores that stand between two digits; others are an
// error.
func ungroup(s string) (string, bool) {
	if !strings.Contains(s, "_") {
		return s, true
	}
	digit := func(i int) bool { return i >= 0 && i < len(s) && s[i] >= '0' && s[i] <= '9' }
	for i := range s {
		if s[i] == '_' && !(digit(i-1) && digit(i+1)) {
			return "", false
		}
	}
	return strings.ReplaceAll(s, "_", ""), true
}
