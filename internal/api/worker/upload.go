package worker

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/api"
	"github.com/settee/settee/internal/queue"
	"github.com/settee/settee/internal/wire"
)

// patience is how long the next bytes of a file may take, either way.
const patience = 30 * time.Second

// declare says whether a file must be uploaded, and from where on: POST
// /sessions/{session}/blobs. A file is known when an account that the session
// works for has it; others' files look like none.
func (a *API) declare(w http.ResponseWriter, r *http.Request) error {
	s, err := a.session(r)
	if err != nil {
		return err
	}
	var in wire.Declare
	if err := read(w, r, wire.MaxSmall, &in); err != nil {
		return err
	}
	b := settee.Blob{Hash: in.Hash, Size: in.Size}
	if err := a.mayDeclare(r, s, b); err != nil {
		return err
	}
	found, err := a.opt.Queue.File(r.Context(), s, b.Hash)
	switch {
	case err == nil && found == b:
		api.WriteJSON(w, http.StatusOK, wire.Declared{Receipt: a.receipt(s.ID, b), Offset: b.Size})
		return nil
	case err != nil && settee.CodeOf(err) != settee.CodeNotFound:
		return err
	}
	up, err := a.uploads.declare(r.Context(), s.ID, b, a.opt.Files)
	if err != nil {
		return err
	}
	if err := up.take(r.Context(), func() {}); err != nil {
		return err
	}
	defer up.give()
	out := wire.Declared{Offset: up.at()}
	if out.Offset == b.Size {
		if out.Receipt, err = a.stored(r, s, up); err != nil {
			return err
		}
	}
	api.WriteJSON(w, http.StatusOK, out)
	return nil
}

// mayDeclare refuses what cannot be a file of a job that the session holds.
func (a *API) mayDeclare(r *http.Request, s queue.Session, b settee.Blob) error {
	if err := checkHash(b.Hash); err != nil {
		return err
	}
	if b.Size < 0 || b.Size > wire.MaxBlob {
		return errTooLarge
	}
	return a.mayUpload(r, s)
}

// mayUpload refuses a session that holds no job.
func (a *API) mayUpload(r *http.Request, s queue.Session) error {
	held, err := a.opt.Queue.HeldBy(r.Context(), s)
	if err == nil && len(held) == 0 {
		err = settee.Faultf(settee.CodeLeaseLost, "The session has no job to upload files for.")
	}
	return err
}

func checkHash(hash string) error {
	if len(hash) != 64 || strings.Trim(hash, "0123456789abcdef") != "" {
		return settee.Faultf(settee.CodeInvalid, "A hash has 64 hexadecimal digits.")
	}
	return nil
}

// upload takes a file's bytes: PUT /sessions/{session}/blobs/{hash}. A
// Content-Range says where they belong; without one they are the whole file.
func (a *API) upload(w http.ResponseWriter, r *http.Request) error {
	s, err := a.session(r)
	if err != nil {
		return err
	}
	from, size, err := extent(r)
	if err != nil {
		return err
	}
	b := settee.Blob{Hash: api.Param(r, "hash"), Size: size}
	if err := a.mayDeclare(r, s, b); err != nil {
		return err
	}
	up, err := a.uploads.declare(r.Context(), s.ID, b, a.opt.Files)
	if err != nil {
		return err
	}
	conn, err := up.connect(w, r)
	if err != nil {
		return err
	}
	defer up.give()
	if at := up.at(); at != from {
		if at == size && from == 0 { // complete, and the answer was lost
			return a.complete(w, r, s, up)
		}
		return resume(at)
	}
	if err := feed(up, conn, r.Body); err != nil {
		return err
	}
	return a.complete(w, r, s, up)
}

// connect takes the upload for a connection, which is cut off when another one
// wants it.
func (up *upload) connect(w http.ResponseWriter, r *http.Request) (*http.ResponseController, error) {
	conn := http.NewResponseController(w)
	return conn, up.take(r.Context(), func() { _ = conn.SetReadDeadline(time.Unix(1, 0)) })
}

// extent is where a PUT's bytes begin, and how long the whole file is.
func extent(r *http.Request) (from, size int64, err error) {
	bad := settee.Faultf(settee.CodeInvalid, "The bytes need a Content-Length, and from an offset on a Content-Range to their end.")
	if r.ContentLength < 0 {
		return 0, 0, bad
	}
	text := r.Header.Get("Content-Range")
	if text == "" {
		return 0, r.ContentLength, nil
	}
	var last int64
	if n, err := fmt.Sscanf(text, "bytes %d-%d/%d", &from, &last, &size); n != 3 || err != nil ||
		from < 0 || last != size-1 || size-from != r.ContentLength {
		return 0, 0, bad
	}
	return from, size, nil
}

// feed passes a body on, each some bytes of it in time.
func feed(up *upload, conn *http.ResponseController, body io.Reader) error {
	buffer := make([]byte, 256<<10)
	timed := true
	defer func() {
		if timed {
			_ = conn.SetReadDeadline(time.Time{})
		}
	}()
	for {
		timed = timed && conn.SetReadDeadline(time.Now().Add(patience)) == nil // tests have no connection
		if up.unwanted() {
			return settee.Faultf(settee.CodeUnavailable, "The upload goes on over another connection.")
		}
		n, err := body.Read(buffer)
		if n > 0 {
			if _, refused := up.Write(buffer[:n]); refused != nil {
				return refuse(up, refused)
			}
		}
		switch {
		case err == io.EOF: //nolint:errorlint // a body that is cut off ends otherwise
			return nil
		case err != nil:
			return &settee.Fault{Code: settee.CodeUnavailable, Message: "The file broke off.", Err: err}
		}
	}
}

// refuse says why an upload takes no more bytes.
func refuse(up *upload, err error) error {
	if errors.Is(err, io.ErrClosedPipe) {
		<-up.done
		err = up.err
	}
	if errors.Is(err, errExpired) {
		return &settee.Fault{Code: settee.CodeUnavailable, Message: "The upload was given up.", Err: err}
	}
	return err
}

// complete answers when the file is safe.
func (a *API) complete(w http.ResponseWriter, r *http.Request, s queue.Session, up *upload) error {
	receipt, err := a.stored(r, s, up)
	if err != nil {
		return err
	}
	api.WriteJSON(w, http.StatusCreated, wire.Stored{Receipt: receipt})
	return nil
}

// stored waits until the store has the file.
func (a *API) stored(r *http.Request, s queue.Session, up *upload) (string, error) {
	select {
	case <-r.Context().Done():
		return "", r.Context().Err()
	case <-up.done:
	}
	if up.err != nil {
		return "", refuse(up, up.err)
	}
	return a.receipt(s.ID, up.blob), nil
}
