// Package account knows who asks: accounts, their tiers, and their keys.
//
// What holds: a key is shown once, when it is made, and kept as a SHA-256 hash;
// whoever has it is its account until it is deleted or the account is disabled,
// which this server notices at once and others within five seconds.
package account

import (
	"context"
	"sync"
	"time"

	"github.com/settee/settee"
)

// Store writes accounts and keys down.
type Store interface {
	// Bootstrap makes the tiers that are missing, and the account unless there
	// is one of that name.
	Bootstrap(ctx context.Context, tiers []settee.Tier, a settee.Account) error
	// FirstKey writes a key down unless its account ever had one of that name;
	// made says whether it did.
	FirstKey(ctx context.Context, k settee.Key, hash string) (made bool, err error)
	// CreateAccount writes an account of a.Tier.Name down and answers it with
	// its whole tier. Faults: CodeConflict when the name is taken, CodeInvalid
	// when there is no such tier.
	CreateAccount(ctx context.Context, a settee.Account) (settee.Account, error)
	// Accounts lists all accounts by name.
	Accounts(ctx context.Context) ([]settee.Account, error)
	// AccountByName finds an account; Fault CodeNotFound.
	AccountByName(ctx context.Context, name string) (settee.Account, error)
	// DisableAccount disables an account and answers it; Fault CodeNotFound.
	DisableAccount(ctx context.Context, name string) (settee.Account, error)
	// CreateKey writes a key down by the hash of its secret.
	CreateKey(ctx context.Context, k settee.Key, hash string) error
	// KeyByHash finds a key that is not deleted, and its account (zero for
	// a key that is no account's); Fault CodeNotFound.
	KeyByHash(ctx context.Context, hash string) (settee.Account, settee.Key, error)
	// Keys lists keys that are not deleted, oldest first: of one account, or all.
	Keys(ctx context.Context, accountID string) ([]settee.Key, error)
	// DeleteKey deletes the one key with that id, prefix or hash. Faults:
	// CodeNotFound, and CodeConflict when there are several.
	DeleteKey(ctx context.Context, id, prefix, hash string, now time.Time) error
}

// Options of a Service.
type Options struct{ Now func() time.Time }

// Service answers who a key belongs to and lets operators change accounts. It
// is safe for concurrent use.
type Service struct {
	store Store
	now   func() time.Time

	mu    sync.Mutex
	known map[string]entry // by hash
	epoch int              // grows when known is emptied
}

// New makes a Service.
func New(store Store, opt Options) *Service {
	if opt.Now == nil {
		opt.Now = time.Now
	}
	return &Service{store: store, now: opt.Now, known: map[string]entry{}}
}

// Bootstrap makes what every server needs: the tiers and the account Default.
func (s *Service) Bootstrap(ctx context.Context) error {
	a := settee.Account{ID: settee.NewID(), Name: Default, Tier: settee.Tier{Name: LocalTier}, CreatedAt: s.now()}
	return s.store.Bootstrap(ctx, tiers, a)
}

// FirstKey makes the first key of the account Default, which is wanted when
// that is not empty and drawn otherwise. It is answered by the very first call
// on a database; later ones answer "" and change nothing.
func (s *Service) FirstKey(ctx context.Context, wanted string) (string, error) {
	secret := wanted
	if secret == "" {
		secret = draw()
	}
	a, err := s.store.AccountByName(ctx, Default)
	if err != nil {
		return "", err
	}
	made, err := s.store.FirstKey(ctx, s.key(settee.Key{AccountID: a.ID, Name: "first", Scope: settee.ScopeClient}, secret), hashOf(secret))
	if err != nil || !made {
		return "", err
	}
	return secret, nil
}

// Default finds the account that everybody is in open mode.
func (s *Service) Default(ctx context.Context) (settee.Account, error) {
	if e, ok := s.remembered(""); ok {
		return e.account, nil
	}
	epoch, at := s.moment()
	a, err := s.store.AccountByName(ctx, Default)
	if err == nil {
		s.remember("", entry{account: a, at: at}, epoch)
	}
	return a, err
}

// Create makes an account; an empty tier is NewTier. Faults: CodeInvalid for
// the name or tier, CodeConflict when the name is taken.
func (s *Service) Create(ctx context.Context, name, tier string) (settee.Account, error) {
	if err := checkName(name); err != nil {
		return settee.Account{}, err
	}
	if tier == "" {
		tier = NewTier
	}
	return s.store.CreateAccount(ctx, settee.Account{
		ID: settee.NewID(), Name: name, Tier: settee.Tier{Name: tier}, CreatedAt: s.now(),
	})
}

// List answers all accounts by name.
func (s *Service) List(ctx context.Context) ([]settee.Account, error) { return s.store.Accounts(ctx) }

// Show finds an account; Fault CodeNotFound.
func (s *Service) Show(ctx context.Context, name string) (settee.Account, error) {
	return s.store.AccountByName(ctx, name)
}

// Disable shuts an account's keys out; its jobs and files stay. Doing it again
// changes nothing. Fault CodeNotFound.
func (s *Service) Disable(ctx context.Context, name string) (settee.Account, error) {
	a, err := s.store.DisableAccount(ctx, name)
	s.forget()
	return a, err
}

// checkName keeps names fit for URLs, logs and shells.
func checkName(name string) error {
	for i, c := range []byte(name) {
		letter := c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9'
		if !letter && (i == 0 || c != '.' && c != '_' && c != '-' && c != '@' && c != '+') {
			return settee.Faultf(settee.CodeInvalid, "An account's name is made of letters, digits and . _ - @ + and begins with a letter or digit.")
		}
	}
	if name == "" || len(name) > 64 {
		return settee.Faultf(settee.CodeInvalid, "An account's name has 1 to 64 characters.")
	}
	return nil
}
