package pystr

import "testing"

// The columns were made with Python's str methods.
func TestCases(t *testing.T) {
	for _, x := range []struct{ in, upper, lower, capitalize, title string }{
		{"it's über-straße", "IT'S ÜBER-STRASSE", "it's über-straße", "It's über-straße", "It'S Über-Straße"},
		{"ßa", "SSA", "ßa", "Ssa", "Ssa"},
		{"ΟΔΟΣ ΣΟΦΟΣ.", "ΟΔΟΣ ΣΟΦΟΣ.", "οδος σοφος.", "Οδος σοφος.", "Οδος Σοφος."},
		{"ΑΣ'Α", "ΑΣ'Α", "ασ'α", "Ασ'α", "Ασ'Α"},
		{"İI", "İI", "i̇i", "İi", "İi"},
		{"ǆ x", "Ǆ X", "ǆ x", "ǅ x", "ǅ X"},
		{"ŉa ﬁ", "ʼNA FI", "ŉa ﬁ", "ʼNa ﬁ", "ʼNa Fi"},
		{"a1b c", "A1B C", "a1b c", "A1b c", "A1B C"},
		{"", "", "", "", ""},
	} {
		for _, y := range [][3]string{
			{"Upper", Upper(x.in), x.upper}, {"Lower", Lower(x.in), x.lower},
			{"Capitalize", Capitalize(x.in), x.capitalize}, {"Title", Title(x.in), x.title},
		} {
			if y[1] != y[2] {
				t.Errorf("%s of %q: %q, want %q", y[0], x.in, y[1], y[2])
			}
		}
	}
}

func TestTrimTakesWhatPythonCallsBlank(t *testing.T) {
	const text = "\x1c\u3000\u00a0\t a \u2028\u0085\x1f"
	for _, x := range []struct {
		left, right bool
		want        string
	}{{true, true, "a"}, {true, false, "a \u2028\u0085\x1f"}, {false, true, "\x1c\u3000\u00a0\t a"}} {
		if got := Trim(text, x.left, x.right); got != x.want {
			t.Errorf("%v %v: %q, want %q", x.left, x.right, got, x.want)
		}
	}
	if got := Trim("\u200ba", true, true); got != "\u200ba" {
		t.Errorf("a zero-width space is no blank: %q", got)
	}
}
