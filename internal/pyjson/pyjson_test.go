package pyjson

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"
)

func parse(t testing.TB, text string) Value {
	t.Helper()
	v, err := Parse([]byte(text))
	if err != nil {
		t.Fatalf("%.80q: %v", text, err)
	}
	return v
}

func TestPythonPrinting(t *testing.T) {
	for _, c := range []struct{ in, dump, strict, repr string }{
		{` null `, `null`, `null`, `None`},
		{`[true,false]`, `[true, false]`, `[true, false]`, `[True, False]`},
		{`[1, -0, 18446744073709551615]`, `[1, 0, 18446744073709551615]`, `[1, 0, 18446744073709551615]`, `[1, 0, 18446744073709551615]`},
		{`[1.0, 1e3, 1E+16, 1e-5, 0.0001, -0.0]`, `[1.0, 1000.0, 1e+16, 1e-05, 0.0001, -0.0]`, `[1.0, 1000.0, 1e+16, 1e-05, 0.0001, -0.0]`, `[1.0, 1000.0, 1e+16, 1e-05, 0.0001, -0.0]`},
		{`[NaN, Infinity, -Infinity, 1e999, -1e999]`, `[NaN, Infinity, -Infinity, Infinity, -Infinity]`, `[null, null, null, null, null]`, `[nan, inf, -inf, inf, -inf]`},
		{`9007199254740993.0`, `9007199254740992.0`, `9007199254740992.0`, `9007199254740992.0`},
		{`{"b":1,"a":{"c":[]}}`, `{"b": 1, "a": {"c": []}}`, `{"b": 1, "a": {"c": []}}`, `{'b': 1, 'a': {'c': []}}`},
		{`{"a":1,"b":2,"a":3}`, `{"a": 3, "b": 2}`, `{"a": 3, "b": 2}`, `{'a': 3, 'b': 2}`},
		{`{"a":{"x":1,"x":2},"b":2,"\u0061":{"y":1,"y":[3],"z":0}}`, `{"a": {"y": [3], "z": 0}, "b": 2}`, `{"a": {"y": [3], "z": 0}, "b": 2}`, `{'a': {'y': [3], 'z': 0}, 'b': 2}`},
		{`"it's"`, `"it's"`, `"it's"`, `"it's"`},
		{`"it's \"x\""`, `"it's \"x\""`, `"it's \"x\""`, `'it\'s "x"'`},
		{`"ü€😀\u00fc\ud83d\ude00"`, `"\u00fc\u20ac\ud83d\ude00\u00fc\ud83d\ude00"`, `"\u00fc\u20ac\ud83d\ude00\u00fc\ud83d\ude00"`, `'ü€😀ü😀'`},
		{`"\ud83d \ude00"`, `"\ud83d \ude00"`, `"\ud83d \ude00"`, `'\ud83d \ude00'`},
		{`"\b\f\n\r\t\/\\\u007f\u0000"`, `"\b\f\n\r\t/\\\u007f\u0000"`, `"\b\f\n\r\t/\\\u007f\u0000"`, `'\x08\x0c\n\r\t/\\\x7f\x00'`},
		{`"\u00a0\u200b\u2028\ue000"`, `"\u00a0\u200b\u2028\ue000"`, `"\u00a0\u200b\u2028\ue000"`, `'\xa0\u200b\u2028\ue000'`},
	} {
		v := parse(t, c.in)
		if got := string(Dump(v)); got != c.dump {
			t.Errorf("%s: dumps %s, want %s", c.in, got, c.dump)
		}
		if got := string(Strict(v)); got != c.strict {
			t.Errorf("%s: strict %s, want %s", c.in, got, c.strict)
		}
		if got := Repr(v); got != c.repr {
			t.Errorf("%s: repr %s, want %s", c.in, got, c.repr)
		}
	}
}

func TestNotJSON(t *testing.T) {
	for text, offset := range map[string]int{
		"": 0, " ": 1, "nul": 0, "{": 1, "[1,]": 3, `{"a":1,}`: 7, `{a:1}`: 1, `{"a" 1}`: 5, "[1 2]": 3, "01": 1, "+1": 0, "-": 1, ".5": 0, "1.": 1, "1e": 1,
		"nan": 0, "-NaN": 1, "-Inf": 1, `"a`: 0, "\"\n\"": 1, `"\x"`: 1, `"\u12g4"`: 1, `"\`: 0, "\"\xff\"": 1, "\"\xed\xa0\x80\"": 1, "1 2": 2, "[": 1, "\ufeff1": 0,
		strings.Repeat("[", 201) + strings.Repeat("]", 201): 200, strings.Repeat("1", 4301): 0, "'a'": 0,
	} {
		_, err := Parse([]byte(text))
		syntax, ok := errors.AsType[*SyntaxError](err)
		if !ok {
			t.Errorf("%.40q: error %v", text, err)
		} else if syntax.Offset != offset {
			t.Errorf("%.40q: %v, want byte %d", text, err, offset)
		}
	}
	parse(t, strings.Repeat("[", 200)+strings.Repeat("]", 200))
	parse(t, strings.Repeat("1", 4300))
	parse(t, "-"+strings.Repeat("1", 4300))
}

func TestMembersKnowTheirBytes(t *testing.T) {
	text := ` { "a" : [ 1 , {"x":"}"} ] , "b\u0022" : -1.5e3 , "a" : "last" } `
	v := parse(t, text)
	if string(v.Raw()) != strings.TrimSpace(text) {
		t.Errorf("raw %s", v.Raw())
	}
	m := v.Members()
	if len(m) != 2 || m[0].Key != "a" || m[1].Key != `b"` || m[0].Value.Text() != "last" || v.Len() != 3 {
		t.Fatalf("members %v, %d written", m, v.Len())
	}
	if got := text[m[1].Value.Start:m[1].Value.End]; got != "-1.5e3" || m[1].Value.Kind != Float {
		t.Errorf("b is %s, kind %d", got, m[1].Value.Kind)
	}
	if v.Get("a").Start != m[0].Value.Start || v.Get(`b"`).Float() != -1500 || v.Get("c").Kind != Absent {
		t.Errorf("Get differs from Members")
	}
	if f := v.Fields("c", `b"`, "a"); f[0].Kind != Absent || !f[1].Same(m[1].Value) || !f[2].Same(m[0].Value) {
		t.Errorf("Fields differ from Members")
	}
	list := parse(t, `[1, [2, 3], "x"]`)
	if list.Len() != 3 || list.Index(1).Len() != 2 || list.Index(2).Text() != "x" || list.Index(3).Kind != Absent {
		t.Errorf("items of %s", list.Raw())
	}
}

func TestManyMembersStayInOrder(t *testing.T) {
	v := parse(t, `{"0":0,"1":1,"2":2,"3":3,"4":4,"5":5,"6":6,"7":7,"8":8,"9":9,"a":10,"b":11,"c":12,"d":13,"e":14,"f":15,"g":16,"3":"new","g":"newer","h":0}`)
	keys := ""
	for _, m := range v.Members() {
		keys += m.Key
	}
	if keys != "0123456789abcdefgh" {
		t.Errorf("keys %s", keys)
	}
	if m := v.Members(); m[3].Value.Text() != "new" || m[16].Value.Text() != "newer" {
		t.Errorf("a later value did not win: %s, %s", m[3].Value.Raw(), m[16].Value.Raw())
	}
}

func TestTruth(t *testing.T) {
	for _, text := range []string{`true`, `1`, `-1`, `0.1`, `NaN`, `"0"`, `" "`, `[0]`, `{"a":0}`, `1000000000000000000000`} {
		if !parse(t, text).Truthy() {
			t.Errorf("%s is false", text)
		}
	}
	for _, text := range []string{`null`, `false`, `0`, `-0`, `0.0`, `-0.0`, `0e5`, `""`, `[ ]`, `{ }`} {
		if parse(t, text).Truthy() {
			t.Errorf("%s is true", text)
		}
	}
	if (Value{}).Truthy() {
		t.Error("what is not there is true")
	}
}

func TestEquality(t *testing.T) {
	for _, c := range []struct {
		a, b  string
		equal bool
	}{
		{`1`, `1.0`, true}, {`1`, `true`, true}, {`0`, `false`, true}, {`1`, `"1"`, false}, {`null`, `0`, false}, {`null`, `null`, true},
		{`NaN`, `NaN`, false}, {`1e999`, `Infinity`, true}, {`9007199254740993`, `9007199254740992.0`, false}, {`"\u0061"`, `"a"`, true},
		{`[1,[2]]`, `[1.0, [2]]`, true}, {`[1]`, `[1,1]`, false}, {`{"a":1,"b":2}`, `{"b":2,"a":1}`, true}, {`{"a":1}`, `{"a":2}`, false}, {`{"a":1}`, `{"b":1}`, false}, {`[]`, `{}`, false},
	} {
		if got := Equal(parse(t, c.a), parse(t, c.b)); got != c.equal {
			t.Errorf("%s == %s is %v", c.a, c.b, got)
		}
	}
}

func TestOrder(t *testing.T) {
	for _, c := range []struct{ a, b, less, greater string }{
		{`1`, `2`, "true", "false"}, {`2.5`, `2`, "false", "true"}, {`true`, `2`, "true", "false"}, {`NaN`, `2`, "false", "false"}, {`-Infinity`, `-1e308`, "true", "false"},
		{`18446744073709551616`, `18446744073709551615`, "false", "true"}, {`9223372036854775807`, `9223372036854775807.0`, "true", "false"}, {`Infinity`, `Infinity`, "false", "false"},
		{`"a"`, `"b"`, "true", "false"},
		{`"a"`, `1`, "'<' not supported between instances of 'str' and 'int'", "'>' not supported between instances of 'str' and 'int'"},
		{`null`, `1.5`, "'<' not supported between instances of 'NoneType' and 'float'", "'>' not supported between instances of 'NoneType' and 'float'"},
		{`{}`, `[]`, "'<' not supported between instances of 'dict' and 'list'", "'>' not supported between instances of 'dict' and 'list'"},
	} {
		show := func(b bool, err error) string {
			if err != nil {
				return err.Error()
			}
			return map[bool]string{true: "true", false: "false"}[b]
		}
		if got := show(Less(parse(t, c.a), parse(t, c.b))); got != c.less {
			t.Errorf("%s < %s: %s", c.a, c.b, got)
		}
		if got := show(Greater(parse(t, c.a), parse(t, c.b))); got != c.greater {
			t.Errorf("%s > %s: %s", c.a, c.b, got)
		}
	}
}

// Time must grow with the text, not with its square: a text of the greatest
// size that is taken in would need hours otherwise.
func TestLargeTextsTakeLinearTime(t *testing.T) {
	const size = 8 << 20
	for name, text := range map[string]string{
		"keys":    "{" + strings.Repeat(`"a":0,`, size/6) + `"b":{}}`,
		"items":   "[" + strings.Repeat("[],", size/3) + "{}]",
		"deep":    strings.Repeat(`{"a":[`, 99) + strings.Repeat(`"x",`, size/4) + "1" + strings.Repeat("]}", 99),
		"escapes": `"` + strings.Repeat(`\"`, size/2) + `"`,
		"open":    strings.Repeat(`[{"a":`, 30) + strings.Repeat(" ", size),
	} {
		start := time.Now()
		v, err := Parse([]byte(text))
		if (err != nil) != (name == "open") {
			t.Fatalf("%s: %v", name, err)
		}
		if err == nil {
			v.Members()
			v.Len()
			if again := Dump(v); !bytes.Equal(Dump(parse(t, string(again))), again) {
				t.Errorf("%s: a dump reads as something else", name)
			}
		}
		if took := time.Since(start); took > 30*time.Second {
			t.Errorf("%s: %v", name, took)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{`{"a":[1,2.5,"x\ud83d\ude00",null,true],"a":NaN}`, `[[],{}]`, `"\ud800"`, `-0`, `1e999`, " \n", `{"a"`, "\"\xff\""} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		v, err := Parse(raw)
		if err != nil {
			return
		}
		if string(v.Raw()) != strings.Trim(string(raw), " \t\r\n") {
			t.Fatalf("raw is %q", v.Raw())
		}
		once := Dump(v)
		again, err := Parse(once)
		if err != nil {
			t.Fatalf("%q: %v", once, err)
		}
		if !bytes.Equal(Dump(again), once) || Repr(again) != Repr(v) {
			t.Fatalf("%q became %q", once, Dump(again))
		}
		for _, m := range v.Members() {
			if !m.Value.Same(v.Get(m.Key)) {
				t.Fatalf("%q: two values of %q", raw, m.Key)
			}
		}
		v.Truthy()
		ToInt(v)   //nolint:errcheck // any answer but a panic
		ToFloat(v) //nolint:errcheck // any answer but a panic
	})
}
