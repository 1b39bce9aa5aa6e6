// Package secret holds the one root secret of an installation. Keys for links,
// sessions and partner keys are derived from it, one per purpose, so that none
// of them tells anything about another.
package secret

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Size is the length of a root secret in bytes.
const Size = 32

// Root is the installation's secret.
type Root struct{ key [Size]byte }

// New makes a Root of Size bytes.
func New(key []byte) (Root, error) {
	var r Root
	if len(key) != Size {
		return r, fmt.Errorf("the secret must be %d bytes, not %d", Size, len(key))
	}
	copy(r.key[:], key)
	return r, nil
}

// Parse reads a Root from text: 64 hex digits or base64 of 32 bytes.
func Parse(text string) (Root, error) {
	text = strings.TrimSpace(text)
	if b, err := hex.DecodeString(text); err == nil {
		return New(b)
	}
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return Root{}, errors.New("the secret must be 32 bytes as hex or base64")
	}
	return New(b)
}

// Load reads the secret kept in dir, making one on the first call.
func Load(dir string) (Root, error) {
	path := filepath.Join(dir, "secret")
	text, err := os.ReadFile(path)
	if err == nil {
		return Parse(string(text))
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return Root{}, err
	}
	var key [Size]byte
	if _, err := rand.Read(key[:]); err != nil {
		return Root{}, err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return Root{}, err
	}
	defer f.Close()
	if _, err := f.WriteString(hex.EncodeToString(key[:]) + "\n"); err != nil {
		return Root{}, err
	}
	if err := f.Sync(); err != nil {
		return Root{}, err
	}
	return Root{key}, f.Close()
}

// Derive gives the 32-byte key of a purpose.
func (r Root) Derive(purpose string) []byte {
	key, err := hkdf.Key(sha256.New, r.key[:], nil, "settee/"+purpose, Size)
	if err != nil {
		panic(err) // only for lengths that HKDF cannot make
	}
	return key
}

// Seal encrypts plain for a purpose; the result is text.
func (r Root) Seal(purpose string, plain []byte) (string, error) {
	box, err := r.box(purpose)
	if err != nil {
		return "", err
	}
	nonce := make([]byte, box.NonceSize())
	if _, err := rand.Read(nonce); err != nil {
		return "", err
	}
	return base64.StdEncoding.EncodeToString(box.Seal(nonce, nonce, plain, nil)), nil
}

// Open is the inverse of Seal; it fails for text that was changed or sealed
// with another secret or purpose.
func (r Root) Open(purpose, text string) ([]byte, error) {
	box, err := r.box(purpose)
	if err != nil {
		return nil, err
	}
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(b) < box.NonceSize() {
		return nil, errors.New("sealed text is damaged")
	}
	return box.Open(nil, b[:box.NonceSize()], b[box.NonceSize():], nil)
}

func (r Root) box(purpose string) (cipher.AEAD, error) {
	block, err := aes.NewCipher(r.Derive(purpose))
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}
