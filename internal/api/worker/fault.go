package worker

import (
	"errors"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/queue"
	"github.com/settee/settee/internal/wire"
)

// faulty makes a gap in an attempt's events a fault that says what is known.
func faulty(err error) error {
	if gap, ok := errors.AsType[*queue.Gap](err); ok {
		return &settee.Fault{Code: settee.CodeConflict, Message: "Events before these are missing.",
			Details: wire.Fault{Code: wire.CodeGap, Told: &gap.Told}}
	}
	return err
}

// resume says that an upload goes on at another offset.
func resume(offset int64) error {
	return &settee.Fault{Code: settee.CodeConflict, Message: "The upload goes on at another offset.",
		Details: wire.Fault{Offset: &offset}}
}

// noVersion says that the worker speaks no version that is served.
func noVersion() error {
	return &settee.Fault{Code: settee.CodeInvalid, Message: "This server speaks other versions of the protocol.",
		Details: wire.Fault{Code: wire.CodeVersion, Versions: &wire.Range{Min: wire.Min, Max: wire.Max}}}
}

// envelope is a fault as wire.Fault.
func envelope(f *settee.Fault) any {
	out, _ := f.Details.(wire.Fault)
	if out.Code == "" {
		out.Code = f.Code
	}
	out.Message = f.Message
	return out
}
