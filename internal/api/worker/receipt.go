package worker

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"

	"github.com/settee/settee"
)

// receipt says that a session has shown to have a blob's bytes. It is good on
// every server with the secret, so that a server that was started again need not
// see them again; knowing a hash is not having the bytes.
func (a *API) receipt(session string, b settee.Blob) string {
	return base64.RawURLEncoding.EncodeToString(a.mac(session, b))
}

func (a *API) signed(session string, b settee.Blob, receipt string) bool {
	given, err := base64.RawURLEncoding.DecodeString(receipt)
	return err == nil && hmac.Equal(given, a.mac(session, b))
}

func (a *API) mac(session string, b settee.Blob) []byte {
	mac := hmac.New(sha256.New, a.opt.Secret)
	for _, field := range []string{session, b.Hash} {
		mac.Write(binary.BigEndian.AppendUint64(nil, uint64(len(field))))
		mac.Write([]byte(field))
	}
	mac.Write(binary.BigEndian.AppendUint64(nil, uint64(b.Size)))
	return mac.Sum(nil)
}
