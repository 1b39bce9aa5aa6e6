package worker

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/api"
	"github.com/settee/settee/internal/queue"
	"github.com/settee/settee/internal/wire"
)

// stream takes the next bytes of a file that is hashed as it comes: PUT
// /sessions/{session}/uploads/{id}. wire.HeaderOffset says where they belong;
// with wire.HeaderSize the file ends there.
func (a *API) stream(w http.ResponseWriter, r *http.Request) error {
	s, key, err := a.streamed(r)
	if err != nil {
		return err
	}
	from, size, err := piece(r)
	if err != nil {
		return err
	}
	up, err := a.uploads.begin(r.Context(), key, settee.Blob{}, a.opt.Files)
	if err != nil {
		return err
	}
	conn, err := up.connect(w, r)
	if err != nil {
		return err
	}
	defer up.give()
	if at := up.at(); at != from {
		return resume(at)
	}
	if size >= 0 {
		if err := up.measure(size); err != nil {
			return err
		}
	}
	if err := feed(up, conn, r.Body); err != nil {
		return err
	}
	return a.reached(w, r, s, up)
}

// reach says how far an upload has come, and begins it: POST
// /sessions/{session}/uploads/{id}. Whoever still sends is cut off.
func (a *API) reach(w http.ResponseWriter, r *http.Request) error {
	s, key, err := a.streamed(r)
	if err != nil {
		return err
	}
	up, err := a.uploads.begin(r.Context(), key, settee.Blob{}, a.opt.Files)
	if err != nil {
		return err
	}
	if err := up.take(r.Context(), func() {}); err != nil {
		return err
	}
	defer up.give()
	return a.reached(w, r, s, up)
}

// reached answers how far an upload is, and what it is when its end was said.
func (a *API) reached(w http.ResponseWriter, r *http.Request, s queue.Session, up *upload) error {
	out := wire.Streamed{Offset: up.at()}
	if up.end() {
		var err error
		if out.Receipt, err = a.stored(r, s, up); err != nil {
			return err
		}
		out.Hash, out.Size = up.blob.Hash, up.blob.Size
	}
	api.WriteJSON(w, http.StatusOK, out)
	return nil
}

// giveUp forgets an upload that will not be ended: DELETE
// /sessions/{session}/uploads/{id}.
func (a *API) giveUp(w http.ResponseWriter, r *http.Request) error {
	s, err := a.session(r)
	if err != nil {
		return err
	}
	a.uploads.giveUp(uploadKey{session: s.ID, id: api.Param(r, "id")})
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// streamed is the session and the upload that a path names.
func (a *API) streamed(r *http.Request) (s queue.Session, key uploadKey, err error) {
	if s, err = a.session(r); err != nil {
		return s, key, err
	}
	id := api.Param(r, "id")
	if id == "" || len(id) > 64 || strings.Trim(id, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_-") != "" {
		return s, key, settee.Faultf(settee.CodeInvalid, "An upload's id has 1 to 64 letters, digits, _ and -.")
	}
	return s, uploadKey{session: s.ID, id: id}, a.mayUpload(r, s)
}

// piece is where a PUT's bytes begin, and how long the whole file is: -1 when
// that is not said.
func piece(r *http.Request) (from, size int64, err error) {
	if from, err = count(r, wire.HeaderOffset, 0); err != nil {
		return 0, 0, err
	}
	if size, err = count(r, wire.HeaderSize, -1); err != nil {
		return 0, 0, err
	}
	switch n := max(r.ContentLength, 0); {
	case from > wire.MaxBlob || n > wire.MaxBlob-from || size > wire.MaxBlob:
		return 0, 0, errTooLarge
	case size >= 0 && from+n > size:
		return 0, 0, settee.Faultf(settee.CodeInvalid, "The bytes go beyond the file's size.")
	}
	return from, size, nil
}

// count is a header that is a number of bytes.
func count(r *http.Request, header string, absent int64) (int64, error) {
	text := r.Header.Get(header)
	if text == "" {
		return absent, nil
	}
	n, err := strconv.ParseUint(text, 10, 63)
	if err != nil {
		return 0, settee.Faultf(settee.CodeInvalid, "%s is a number of bytes.", header)
	}
	return int64(n), nil
}
