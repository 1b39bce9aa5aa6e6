package recording

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"unicode/utf8"
)

// Bytes are kept exactly as they were on the wire: in the files as a JSON
// string where they are UTF-8, else as {"base64":"…"}. Python's NaN and
// Infinity may appear in them, so they are not always JSON that Go can read.
type Bytes []byte

// MarshalJSON writes the form that is described above.
func (b Bytes) MarshalJSON() ([]byte, error) {
	if b == nil {
		return []byte("null"), nil
	}
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	var err error
	if utf8.Valid(b) {
		err = e.Encode(string(b))
	} else {
		err = e.Encode(map[string]string{"base64": base64.StdEncoding.EncodeToString(b)})
	}
	return bytes.TrimSpace(out.Bytes()), err
}

// UnmarshalJSON reads either form; null gives nil.
func (b *Bytes) UnmarshalJSON(raw []byte) error {
	switch raw[0] {
	case 'n':
		*b = nil
		return nil
	case '{':
		var packed struct {
			Base64 []byte `json:"base64"`
		}
		err := json.Unmarshal(raw, &packed)
		*b = packed.Base64
		return err
	}
	var s string
	err := json.Unmarshal(raw, &s)
	*b = Bytes(s)
	return err
}

func (b Bytes) String() string { return string(b) }
