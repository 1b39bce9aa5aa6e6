package v1

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/settee/settee/internal/api"
)

// GetNodeInfo lists the definitions of all nodes: hundreds of kilobytes that
// editors ask for at each start, so it is compressed and conditional.
// (operationId getNodeInfo)
func (a *API) GetNodeInfo(w http.ResponseWriter, r *http.Request) {
	text, err := a.Pools.ObjectInfo(r.Context(), api.Caller(r.Context()).ID, "")
	if err != nil {
		api.Fail(w, r, err)
		return
	}
	a.definitions.serve(w, r, text)
}

// GetNodeClass is one node's definition under its name, {} when no worker has
// it. (operationId getNodeClass)
func (a *API) GetNodeClass(w http.ResponseWriter, r *http.Request, class string) {
	text := []byte("{}")
	if class != "" {
		var err error
		if text, err = a.Pools.ObjectInfo(r.Context(), api.Caller(r.Context()).ID, class); err != nil {
			api.Fail(w, r, err)
			return
		}
	}
	api.WriteRaw(w, http.StatusOK, strict(text))
}

// keptAnswers is how many large answers are kept compressed; accounts with
// files of their own have answers of their own.
const keptAnswers = 32

// answers keeps large answers ready to send, by their bytes' hash.
type answers struct {
	mu   sync.Mutex
	kept map[[sha256.Size]byte]*answer
}

type answer struct {
	etag         string
	plain, small []byte // small is plain compressed
}

// of is text made ready.
func (c *answers) of(text []byte) *answer {
	sum := sha256.Sum256(text)
	c.mu.Lock()
	defer c.mu.Unlock()
	if kept := c.kept[sum]; kept != nil {
		return kept
	}
	made := &answer{etag: `"` + hex.EncodeToString(sum[:16]) + `"`, plain: strict(text)}
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	_, err := z.Write(made.plain)
	if err = errors.Join(err, z.Close()); err != nil {
		panic(err) // a bytes.Buffer takes all
	}
	made.small = out.Bytes()
	if c.kept == nil {
		c.kept = map[[sha256.Size]byte]*answer{}
	}
	for old := range c.kept {
		if len(c.kept) < keptAnswers {
			break
		}
		delete(c.kept, old)
	}
	c.kept[sum] = made
	return made
}

func (c *answers) serve(w http.ResponseWriter, r *http.Request, text []byte) {
	made := c.of(text)
	h := w.Header()
	etag, body := made.etag, made.plain
	zipped := accepts(r.Header.Get("Accept-Encoding"), "gzip")
	if zipped {
		etag, body = strings.TrimSuffix(etag, `"`)+`-gzip"`, made.small
	}
	h.Set("ETag", etag)
	h.Set("Vary", "Accept-Encoding")
	h.Set("Cache-Control", "private, no-cache")
	if matches(r.Header.Get("If-None-Match"), etag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	if zipped {
		h.Set("Content-Encoding", "gzip")
	}
	api.WriteRaw(w, http.StatusOK, body)
}

// accepts reports whether an Accept-Encoding header takes coding.
func accepts(header, coding string) bool {
	for _, part := range strings.Split(header, ",") {
		name, params, _ := strings.Cut(part, ";")
		if name = strings.TrimSpace(name); name != "*" && !strings.EqualFold(name, coding) {
			continue
		}
		_, q, given := strings.Cut(strings.ReplaceAll(params, " ", ""), "q=")
		weight, err := strconv.ParseFloat(q, 64)
		return !given || err == nil && weight > 0
	}
	return false
}

// matches reports whether an If-None-Match header names etag.
func matches(header, etag string) bool {
	for _, tag := range strings.Split(header, ",") {
		if tag = strings.TrimPrefix(strings.TrimSpace(tag), "W/"); tag == etag || tag == "*" {
			return true
		}
	}
	return false
}
