package client

import (
	"context"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/wire"
)

// stream sends a file while it is hashed, from where the server has it when it
// is tried again, and compares what both have seen.
func (f Files) stream(ctx context.Context, s *session, body *source) (settee.Blob, string, error) {
	path := s.path() + "/uploads/" + settee.NewID()
	var out wire.Streamed
	ask := false
	err := f.k.steadily(ctx, s, func(ctx context.Context) error {
		out = wire.Streamed{}
		if ask {
			if err := f.k.post(ctx, answered, path, nil, &out); err != nil || out.Receipt != "" {
				return err
			}
		}
		ask = true // when this is tried again
		if _, err := body.Seek(out.Offset, io.SeekStart); err != nil {
			return err
		}
		err := f.piece(ctx, s, path, body, -1, out.Offset, -1, &out)
		switch {
		case body.err != nil:
			return settee.Faultf(settee.CodeInvalid, "read a result: %v", body.err)
		case err != nil:
			return err
		}
		return f.piece(ctx, s, path, body, 0, body.came, body.came, &out)
	})
	b := body.blob()
	switch {
	case body.err != nil:
		err = body.err
	case err == nil && (out.Hash != b.Hash || out.Size != b.Size):
		err = settee.Faultf(settee.CodeInvalid, "the server has %d bytes with the hash %s of a result of %d with %s", out.Size, out.Hash, b.Size, b.Hash)
	}
	if err != nil && s.alive() {
		_ = f.k.do(context.WithoutCancel(ctx), 2*time.Second, http.MethodDelete, path, nil, nil) // else it expires
	}
	return b, out.Receipt, err
}

// piece puts n bytes at an offset; size is that of the whole file, or -1.
func (f Files) piece(ctx context.Context, s *session, path string, body io.Reader, n, from, size int64, out *wire.Streamed) error {
	return f.send(ctx, s, path, body, n, out, func(h http.Header) {
		h.Set(wire.HeaderOffset, strconv.FormatInt(from, 10))
		if size >= 0 {
			h.Set(wire.HeaderSize, strconv.FormatInt(size, 10))
		}
	})
}
