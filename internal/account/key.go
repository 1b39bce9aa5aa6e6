package account

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/settee/settee"
)

// mark begins every key that we draw, so that a leaked one is recognised.
const mark = "comfyui-"

// shown is how many characters of a secret are kept in clear.
const shown = len(mark) + 8

// Guessable reports whether a key that somebody chose is so short that it could
// be guessed.
func Guessable(secret string) bool { return len(secret) < 16 }

// CreateKey makes a key for an account. The secret is shown this once. Faults:
// CodeNotFound for the account, CodeInvalid for the name.
func (s *Service) CreateKey(ctx context.Context, account, name string) (secret string, k settee.Key, err error) {
	a, err := s.store.AccountByName(ctx, account)
	if err != nil {
		return "", k, err
	}
	return s.create(ctx, settee.Key{AccountID: a.ID, Name: name, Scope: settee.ScopeClient})
}

// CreateAdminKey makes a key for operators.
func (s *Service) CreateAdminKey(ctx context.Context, name string) (secret string, k settee.Key, err error) {
	return s.create(ctx, settee.Key{Name: name, Scope: settee.ScopeAdmin})
}

// CreateWorkerKey makes a token for workers: of one pool, or of any when pool is
// empty. Fault CodeInvalid for the names.
func (s *Service) CreateWorkerKey(ctx context.Context, name, pool string) (secret string, k settee.Key, err error) {
	if pool != "" {
		if err := settee.CheckPool(pool); err != nil {
			return "", k, err
		}
	}
	return s.create(ctx, settee.Key{Name: name, Pool: pool, Scope: settee.ScopeWorker})
}

func (s *Service) create(ctx context.Context, wish settee.Key) (string, settee.Key, error) {
	if len(wish.Name) > 200 || strings.ContainsFunc(wish.Name, func(c rune) bool { return c < ' ' || c == '\uFFFD' }) {
		return "", settee.Key{}, settee.Faultf(settee.CodeInvalid, "A key's name has at most 200 characters and no control characters.")
	}
	secret := draw()
	k := s.key(wish, secret)
	if err := s.store.CreateKey(ctx, k, hashOf(secret)); err != nil {
		return "", settee.Key{}, err
	}
	return secret, k, nil
}

// Keys lists the keys of an account, oldest first, or all keys when account is
// empty. Fault CodeNotFound for the account.
func (s *Service) Keys(ctx context.Context, account string) ([]settee.Key, error) {
	if account == "" {
		return s.store.Keys(ctx, "")
	}
	a, err := s.store.AccountByName(ctx, account)
	if err != nil {
		return nil, err
	}
	return s.store.Keys(ctx, a.ID)
}

// DeleteKey ends a key, named by its id, by its prefix or by the secret itself.
// Faults: CodeNotFound, and CodeConflict for a prefix that several keys have.
func (s *Service) DeleteKey(ctx context.Context, name string) error {
	err := s.store.DeleteKey(ctx, name, name, hashOf(name), s.now())
	s.forget()
	return err
}

// key is the key that was wished for, with the secret.
func (s *Service) key(k settee.Key, secret string) settee.Key {
	k.ID, k.CreatedAt = settee.NewID(), s.now()
	k.Prefix = secret[:min(shown, len(secret)/2)] // never most of a short one
	return k
}

// draw makes a secret of 256 random bits.
func draw() string {
	var b [32]byte
	rand.Read(b[:]) // never fails
	return mark + hex.EncodeToString(b[:])
}

// hashOf is how a secret is kept. Drawn secrets cannot be guessed, so a fast
// hash is enough.
func hashOf(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}
