package v1

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/api"
	"github.com/settee/settee/internal/asset"
)

// content is bytes to be answered, and how.
type content struct {
	hash        string
	filename    string
	mime        string
	disposition string    // "attachment", or anything else for as ComfyUI does
	modified    time.Time // zero: not told
}

// serve answers a blob: whole, in ranges, or not at all where the client has it
// already. What a browser would run is for saving only, except an SVG that a
// page shows as a picture.
func (a *API) serve(w http.ResponseWriter, r *http.Request, c content) {
	bytes, err := a.Assets.Open(r.Context(), c.hash)
	if err != nil {
		api.Fail(w, r, fmt.Errorf("a file without its bytes: %w", err))
		return
	}
	defer bytes.Close()
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("ETag", `"`+c.hash+`"`)
	if strings.HasPrefix(c.mime, "image/svg") {
		h.Set("Vary", "Sec-Fetch-Dest")
	}
	switch {
	case asset.Harmless(c.mime):
	case strings.HasPrefix(c.mime, "image/svg") && r.Header.Get("Sec-Fetch-Dest") == "image":
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; sandbox")
	default:
		c.mime, c.disposition = asset.Unknown, asset.Attachment
	}
	h.Set("Content-Type", c.mime)
	h.Set("Content-Disposition", disposition(c.disposition, c.filename))
	http.ServeContent(&ranged{ResponseWriter: w}, r, "", c.modified, bytes)
}

// disposition is a Content-Disposition: ComfyUI's filename="x" for what is
// shown, attachment where it must not be, and the whole name beside an ASCII
// one (RFC 6266) where it has other characters.
func disposition(kind, filename string) string {
	var plain strings.Builder
	for _, c := range filename {
		switch {
		case c < ' ' || c > '~':
			plain.WriteByte('_')
		case c == '"' || c == '\\':
			plain.WriteByte('\\')
			fallthrough
		default:
			plain.WriteRune(c)
		}
	}
	value := `filename="` + plain.String() + `"`
	if kind == asset.Attachment {
		value = "attachment; " + value
	}
	if strings.ContainsFunc(filename, func(c rune) bool { return c < ' ' || c > '~' }) {
		value += "; filename*=UTF-8''" + strings.ReplaceAll(url.QueryEscape(filename), "+", "%20")
	}
	return value
}

// ranged answers a range that does not exist in our envelope.
type ranged struct {
	http.ResponseWriter
	refused bool
}

func (w *ranged) WriteHeader(status int) {
	if status != http.StatusRequestedRangeNotSatisfiable {
		w.ResponseWriter.WriteHeader(status)
		return
	}
	w.refused = true
	w.Header().Del("Content-Disposition")
	api.WriteJSON(w.ResponseWriter, status, api.Plain(settee.Faultf(settee.CodeInvalid, "The file has no such range.")))
}

func (w *ranged) Write(p []byte) (int, error) {
	if w.refused {
		return len(p), nil
	}
	return w.ResponseWriter.Write(p)
}

// ReadFrom lets the system copy a file to the socket by itself.
func (w *ranged) ReadFrom(src io.Reader) (int64, error) {
	if w.refused {
		return io.Copy(io.Discard, src)
	}
	return io.Copy(w.ResponseWriter, src)
}

// Unwrap is for http.ResponseController.
func (w *ranged) Unwrap() http.ResponseWriter { return w.ResponseWriter }
