package account

import (
	"context"
	"time"

	"github.com/settee/settee"
)

// stale is how long an answer is believed, and remembers how many there may be.
const (
	stale     = 5 * time.Second
	remembers = 10_000
)

// entry is an answer of the store and when it was asked.
type entry struct {
	account settee.Account
	key     settee.Key
	at      time.Time
}

// Authenticate finds the account and key of a secret; for an admin key the
// account is the zero Account. Faults: CodeUnauthorized when there is no such
// key, CodeForbidden when its account is disabled: the key is right, and its
// owner should not go looking for a typing error.
func (s *Service) Authenticate(ctx context.Context, secret string) (settee.Account, settee.Key, error) {
	hash := hashOf(secret)
	e, ok := s.remembered(hash)
	if !ok {
		epoch, at := s.moment()
		a, k, err := s.store.KeyByHash(ctx, hash)
		switch {
		case settee.CodeOf(err) == settee.CodeNotFound:
			return a, k, settee.Faultf(settee.CodeUnauthorized, "The API key is not valid.")
		case err != nil:
			return a, k, err
		}
		e = entry{account: a, key: k, at: at}
		s.remember(hash, e, epoch)
	}
	if e.account.Disabled {
		return settee.Account{}, settee.Key{}, settee.Faultf(settee.CodeForbidden, "The account is disabled.")
	}
	return e.account, e.key, nil
}

func (s *Service) remembered(hash string) (entry, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, ok := s.known[hash]
	return e, ok && s.now().Sub(e.at) < stale
}

// moment is when a question to the store begins.
func (s *Service) moment() (epoch int, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.epoch, s.now()
}

// remember keeps an answer, unless something was changed since it was asked for.
func (s *Service) remember(hash string, e entry, epoch int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if epoch != s.epoch {
		return
	}
	if len(s.known) >= remembers {
		clear(s.known)
	}
	s.known[hash] = e
}

func (s *Service) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.epoch++
	clear(s.known)
}
