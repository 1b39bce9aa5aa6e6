package worker

import (
	"fmt"
	"net/http"
	"time"

	"github.com/settee/settee/internal/api"
)

// download answers an input of a job that the session holds, whole or in
// ranges: GET /sessions/{session}/blobs/{hash}.
func (a *API) download(w http.ResponseWriter, r *http.Request) error {
	s, err := a.session(r)
	if err != nil {
		return err
	}
	hash := api.Param(r, "hash")
	if err := checkHash(hash); err != nil {
		return err
	}
	if _, err := a.opt.Queue.Input(r.Context(), s, hash); err != nil {
		return err
	}
	content, err := a.opt.Files.Open(r.Context(), hash)
	if err != nil {
		return fmt.Errorf("an input without its bytes: %w", err)
	}
	defer content.Close()
	h := w.Header()
	h.Set("Content-Type", "application/octet-stream")
	h.Set("ETag", `"`+hash+`"`)
	h.Set("Cache-Control", "private")
	conn := http.NewResponseController(w)
	defer func() { _ = conn.SetWriteDeadline(time.Time{}) }()
	http.ServeContent(&patient{ResponseWriter: w, conn: conn}, r, "", time.Time{}, content)
	return nil
}

// patient gives each piece of an answer its time, so that a reader may be slow
// but not stand still. It hides ReadFrom, which would be one long piece.
type patient struct {
	http.ResponseWriter
	conn *http.ResponseController
}

func (p *patient) Write(b []byte) (int, error) {
	_ = p.conn.SetWriteDeadline(time.Now().Add(patience)) // tests have no connection
	return p.ResponseWriter.Write(b)
}
