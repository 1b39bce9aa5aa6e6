package asset

import (
	"context"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"net/url"
	"path"
	"strconv"
	"time"

	"github.com/settee/settee"
)

// Dispositions of a link.
const (
	Inline     = "inline"
	Attachment = "attachment"
)

// LinkPath is where signed links are served: LinkPath + hash.
const LinkPath = "/files/"

// Grant is what a link gives without asking for a key.
type Grant struct {
	Hash        string
	Filename    string
	MIME        string
	Disposition string
	Expires     time.Time
}

// CacheControl lets the client keep what a link serves, which never changes,
// for as long as the link is good.
func (g Grant) CacheControl(now time.Time) string {
	return "private, immutable, max-age=" + strconv.Itoa(max(0, int(g.Expires.Sub(now)/time.Second)))
}

// Life is how long a link lasts when Options do not say.
const Life = time.Hour

// signer makes and checks links. Each secret has a key of its own, named in the
// link, so that a new secret does not end the links of the one before.
type signer struct {
	life   time.Duration
	newest string
	keys   map[string][]byte // by id
}

func newSigner(opt Options) *signer {
	s := &signer{life: opt.Life, keys: map[string][]byte{}}
	if s.life <= 0 {
		s.life = Life
	}
	for _, secret := range append([][]byte{opt.Secret}, opt.Former...) {
		key, err := hkdf.Key(sha256.New, secret, nil, "settee/asset/link/1", sha256.Size)
		if err != nil {
			panic(err) // only for lengths that HKDF cannot make
		}
		name := hmac.New(sha256.New, key)
		name.Write([]byte("key id"))
		id := hex.EncodeToString(name.Sum(nil)[:4])
		s.keys[id] = key
		if s.newest == "" {
			s.newest = id
		}
	}
	return s
}

// Link is an absolute URL that serves a file to whoever has it, for as long as
// Options.Life says and at most a quarter of that longer: links of one file
// made shortly after another are equal, so that browsers may keep the file.
// base is the server's own, "https://host"; a blob store that signs links
// itself is asked first.
func (s *Service) Link(ctx context.Context, base string, a settee.Asset, disposition string) (string, error) {
	step := max(s.links.life/4, time.Second)
	until := s.now().Add(s.links.life + step - 1).Truncate(step)
	if !Harmless(a.MIME) {
		disposition = Attachment
	}
	if disposition != Attachment {
		link, err := s.blobs.Link(ctx, a.Blob.Hash, a.File.Filename, a.MIME, until)
		if link != "" || err != nil {
			return link, err
		}
		disposition = Inline
	}
	g := Grant{Hash: a.Blob.Hash, Filename: a.File.Filename, MIME: a.MIME, Disposition: disposition, Expires: until}
	return base + LinkPath + g.Hash + "?" + s.links.sign(g).Encode(), nil
}

// VerifyLink reads a link that Link made; Fault CodeForbidden when any part of
// it was changed or it has expired.
func (s *Service) VerifyLink(u *url.URL) (Grant, error) {
	q := u.Query()
	g := Grant{Hash: path.Base(u.Path), Filename: q.Get("filename"), MIME: q.Get("type"), Disposition: q.Get("disposition")}
	key, known := s.links.keys[q.Get("key")]
	given, err := base64.RawURLEncoding.Strict().DecodeString(q.Get("signature"))
	expires, bad := strconv.ParseInt(q.Get("expires"), 10, 64)
	g.Expires = time.Unix(expires, 0).UTC()
	if !known || err != nil || bad != nil || !hmac.Equal(given, g.signature(key)) {
		return Grant{}, settee.Faultf(settee.CodeForbidden, "The link's signature does not fit.")
	}
	if !s.now().Before(g.Expires) {
		return Grant{}, settee.Faultf(settee.CodeForbidden, "The link has expired.")
	}
	return g, nil
}

// sign is a link's query.
func (s *signer) sign(g Grant) url.Values {
	return url.Values{
		"filename":    {g.Filename},
		"type":        {g.MIME},
		"disposition": {g.Disposition},
		"expires":     {strconv.FormatInt(g.Expires.Unix(), 10)},
		"key":         {s.newest},
		"signature":   {base64.RawURLEncoding.EncodeToString(g.signature(s.keys[s.newest]))},
	}
}

// signature covers every field, each with its length, so that no two grants
// are the same bytes.
func (g Grant) signature(key []byte) []byte {
	mac := hmac.New(sha256.New, key)
	for _, field := range []string{g.Hash, g.Filename, g.MIME, g.Disposition, strconv.FormatInt(g.Expires.Unix(), 10)} {
		var size [8]byte
		binary.BigEndian.PutUint64(size[:], uint64(len(field)))
		mac.Write(size[:])
		mac.Write([]byte(field))
	}
	return mac.Sum(nil)
}
