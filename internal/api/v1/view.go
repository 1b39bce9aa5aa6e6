package v1

import (
	"net/http"
	"strings"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/api"
	"github.com/settee/settee/internal/asset"
)

// ViewFile answers with a file: with a link to it under /api, with its bytes
// without the prefix and where the server is open, and with a picture made of
// it where the query asks for one. (operationId viewFile, protocol note 1.5)
func (a *API) ViewFile(w http.ResponseWriter, r *http.Request, p ViewFileParams) {
	found, err := a.viewed(r, p)
	if err != nil {
		api.Fail(w, r, err)
		return
	}
	if c := conversionOf(p); c != nil && a.convert(w, r, found, c) {
		return
	}
	disposition := ""
	if p.Disposition != nil {
		disposition = string(*p.Disposition)
	}
	if a.local(r) {
		w.Header().Set("Cache-Control", "private, no-cache") // a name may get other bytes
		a.serve(w, r, content{hash: found.Blob.Hash, filename: found.File.Filename, mime: found.MIME,
			disposition: disposition, modified: found.CreatedAt})
		return
	}
	link, err := a.Assets.Link(r.Context(), a.base(r), found, disposition)
	if err != nil {
		api.Fail(w, r, err)
		return
	}
	w.Header().Set("Location", link)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Length", "0")
	w.WriteHeader(http.StatusFound)
}

// viewed finds the file that a view asks for.
func (a *API) viewed(r *http.Request, p ViewFileParams) (settee.Asset, error) {
	if p.Filename == nil {
		return settee.Asset{}, settee.Faultf(settee.CodeNotFound, "The parameter filename says which file.")
	}
	f, err := asset.ReadName(*p.Filename, text(p.Subfolder), text(p.Type))
	if err != nil {
		return settee.Asset{}, err
	}
	return a.Assets.Find(r.Context(), api.Caller(r.Context()).ID, f)
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// base is the URL under which the client reached the server.
func (a *API) base(r *http.Request) string {
	scheme, host := "http", r.Host
	if r.TLS != nil {
		scheme = "https"
	}
	if a.TrustProxy {
		if proto := first(r.Header.Get("X-Forwarded-Proto")); proto == "http" || proto == "https" {
			scheme = proto
		}
		if h := first(r.Header.Get("X-Forwarded-Host")); h != "" && !strings.ContainsAny(h, "/?#@\\ ") {
			host = h
		}
	}
	return scheme + "://" + host
}

// first is the first of a header's values, the one nearest to the client.
func first(values string) string {
	v, _, _ := strings.Cut(values, ",")
	return strings.TrimSpace(v)
}

// File serves a signed link, without asking for a key.
func (a *API) File(w http.ResponseWriter, r *http.Request) {
	g, err := a.Assets.VerifyLink(r.URL)
	if err != nil {
		api.Fail(w, r, err)
		return
	}
	w.Header().Set("Cache-Control", g.CacheControl(a.Now()))
	a.serve(w, r, content{hash: g.Hash, filename: g.Filename, mime: g.MIME, disposition: g.Disposition})
}

// MountFiles puts the signed links on the root router.
func (a *API) MountFiles(r *api.Router) { r.Get(asset.LinkPath+"{hash}", a.File) }
