package store

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"github.com/settee/settee"
)

// Time scans microseconds into t; NULL is the zero time.
func Time(t *time.Time) sql.Scanner { return timeScanner{t} }

type timeScanner struct{ t *time.Time }

func (s timeScanner) Scan(src any) error {
	switch v := src.(type) {
	case nil:
		*s.t = time.Time{}
	case int64:
		*s.t = settee.FromMicros(v)
	default:
		return fmt.Errorf("a time is a number of microseconds, not a %T", src)
	}
	return nil
}

// JSON scans text into raw; NULL is nil.
func JSON(raw *json.RawMessage) sql.Scanner { return jsonScanner{raw} }

type jsonScanner struct{ raw *json.RawMessage }

func (s jsonScanner) Scan(src any) error {
	switch v := src.(type) {
	case nil:
		*s.raw = nil
	case string:
		*s.raw = json.RawMessage(v)
	case []byte:
		*s.raw = append(json.RawMessage(nil), v...)
	default:
		return fmt.Errorf("JSON is text, not a %T", src)
	}
	return nil
}

// Decode scans JSON text into v; NULL leaves v as it is.
func Decode(v any) sql.Scanner { return decoder{v} }

type decoder struct{ v any }

func (d decoder) Scan(src any) error {
	var raw json.RawMessage
	if err := (jsonScanner{&raw}).Scan(src); err != nil || raw == nil {
		return err
	}
	return json.Unmarshal(raw, d.v)
}

// Encode is v as JSON text, for binding. It panics on what JSON cannot say.
func Encode(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("store: %v", err))
	}
	return b
}
