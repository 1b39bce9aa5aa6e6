package pyjson

import (
	"errors"
	"strings"
	"testing"
)

func TestIntAndFloatOfValues(t *testing.T) {
	long := strings.Repeat("x", 300)
	for _, c := range []struct{ in, int, float string }{
		{`3`, "3", "3.0"},
		{`3.9`, "3", "3.9"},
		{`-3.9`, "-3", "-3.9"},
		{`true`, "1", "1.0"},
		{`" 5 "`, "5", "5.0"},
		{`"\u00a0\u20037\t\u0085\n"`, "7", "7.0"},
		{`"\u001c7"`, `ValueError: invalid literal for int() with base 10: '\x1c7'`, `ValueError: could not convert string to float: '\x1c7'`},
		{`"1_0.5_0"`, "ValueError: invalid literal for int() with base 10: '1_0.5_0'", "10.5"},
		{`"1_e5"`, "ValueError: invalid literal for int() with base 10: '1_e5'", "ValueError: could not convert string to float: '1_e5'"},
		{`"1_000"`, "1000", "1000.0"},
		{`"+007"`, "7", "7.0"},
		{`"-0"`, "0", "-0.0"},
		{`"٣٤"`, "34", "34.0"},
		{`"𝟗𝟙"`, "91", "91.0"},
		{`1e300`, "1000000000000000052504760255204420248704468581108159154915854115511802457988908195786371375080447864043704443832883878176942523235360430575644792184786706982848387200926575803737830233794788090059368953234970799945081119038967640880074652742780142494579258788820056842838115669472196386865459400540160", "1e+300"},
		{`10000000000000000000000`, "10000000000000000000000", "1e+22"},
		{`"1e3"`, "ValueError: invalid literal for int() with base 10: '1e3'", "1000.0"},
		{`"3.7"`, "ValueError: invalid literal for int() with base 10: '3.7'", "3.7"},
		{`".5"`, "ValueError: invalid literal for int() with base 10: '.5'", "0.5"},
		{`"5."`, "ValueError: invalid literal for int() with base 10: '5.'", "5.0"},
		{`"nan"`, "ValueError: invalid literal for int() with base 10: 'nan'", "NaN"},
		{`"-INF"`, "ValueError: invalid literal for int() with base 10: '-INF'", "-Infinity"},
		{`"infinity"`, "ValueError: invalid literal for int() with base 10: 'infinity'", "Infinity"},
		{`"1e999"`, "ValueError: invalid literal for int() with base 10: '1e999'", "Infinity"},
		{`""`, "ValueError: invalid literal for int() with base 10: ''", "ValueError: could not convert string to float: ''"},
		{`"a'b"`, `ValueError: invalid literal for int() with base 10: "a'b"`, `ValueError: could not convert string to float: "a'b"`},
		{`"1__0"`, "ValueError: invalid literal for int() with base 10: '1__0'", "ValueError: could not convert string to float: '1__0'"},
		{`"_1"`, "ValueError: invalid literal for int() with base 10: '_1'", "ValueError: could not convert string to float: '_1'"},
		{`"0x10"`, "ValueError: invalid literal for int() with base 10: '0x10'", "ValueError: could not convert string to float: '0x10'"},
		{`"- 5"`, "ValueError: invalid literal for int() with base 10: '- 5'", "ValueError: could not convert string to float: '- 5'"},
		{`"+-5"`, "ValueError: invalid literal for int() with base 10: '+-5'", "ValueError: could not convert string to float: '+-5'"},
		{`"1e"`, "ValueError: invalid literal for int() with base 10: '1e'", "ValueError: could not convert string to float: '1e'"},
		{`"0x1p3"`, "ValueError: invalid literal for int() with base 10: '0x1p3'", "ValueError: could not convert string to float: '0x1p3'"},
		{`"` + long + `"`, "ValueError: invalid literal for int() with base 10: '" + long[:199], "ValueError: could not convert string to float: '" + long + "'"},
		{`NaN`, "ValueError: cannot convert float NaN to integer", "NaN"},
		{`-Infinity`, "OverflowError: cannot convert float infinity to integer", "-Infinity"},
		{`1` + strings.Repeat("0", 309), "1" + strings.Repeat("0", 309), "OverflowError: int too large to convert to float"},
		{`null`, "TypeError: int() argument must be a string, a bytes-like object or a real number, not 'NoneType'", "TypeError: float() argument must be a string or a real number, not 'NoneType'"},
		{`[1]`, "TypeError: int() argument must be a string, a bytes-like object or a real number, not 'list'", "TypeError: float() argument must be a string or a real number, not 'list'"},
		{`{}`, "TypeError: int() argument must be a string, a bytes-like object or a real number, not 'dict'", "TypeError: float() argument must be a string or a real number, not 'dict'"},
	} {
		show := func(v Value, err error) string {
			if e, ok := errors.AsType[*Exception](err); ok {
				return e.Type + ": " + e.Text
			}
			return string(Dump(v))
		}
		v := parse(t, c.in)
		if got := show(ToInt(v)); got != c.int {
			t.Errorf("int(%.40s) is %s\nwant %s", c.in, got, c.int)
		}
		if got := show(ToFloat(v)); got != c.float {
			t.Errorf("float(%.40s) is %s\nwant %s", c.in, got, c.float)
		}
	}
}

func TestStrings(t *testing.T) {
	for in, want := range map[string]string{`5`: "5", `1.0`: "1.0", `true`: "True", `null`: "None", `{"a":1}`: "{'a': 1}", `"x'y"`: "x'y", `["x'y"]`: `["x'y"]`, `1E5`: "100000.0"} {
		if got := Str(parse(t, in)); got != want {
			t.Errorf("str(%s) is %s, want %s", in, got, want)
		}
	}
}
