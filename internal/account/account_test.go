package account_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/account"
	"github.com/settee/settee/internal/store"
	"github.com/settee/settee/internal/store/storetest"
)

var _ account.Store = (*store.DB)(nil)

func TestMain(m *testing.M) { storetest.Main(m) }

// house is a service on a database that Bootstrap has seen.
type house struct {
	*account.Service
	t     *testing.T
	db    *store.DB
	now   time.Time
	first string
}

func each(t *testing.T, f func(h *house)) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		h := &house{t: t, db: db, now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
		h.Service = h.another()
		h.first = first(t, h.Service, "")
		f(h)
	})
}

// first starts a server for the first time.
func first(t *testing.T, s *account.Service, wanted string) string {
	t.Helper()
	if err := s.Bootstrap(t.Context()); err != nil {
		t.Fatal(err)
	}
	key, err := s.FirstKey(t.Context(), wanted)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// another is the service of another server on the same database.
func (h *house) another() *account.Service {
	return account.New(h.db, account.Options{Now: func() time.Time { return h.now }})
}

// who is the name of a secret's account, or the fault's code.
func (h *house) who(s *account.Service, secret string) string {
	h.t.Helper()
	a, _, err := s.Authenticate(h.t.Context(), secret)
	if err != nil {
		return string(settee.CodeOf(err))
	}
	return a.Name
}

func (h *house) create(name, tier string) settee.Account {
	h.t.Helper()
	a, err := h.Create(h.t.Context(), name, tier)
	if err != nil {
		h.t.Fatal(err)
	}
	return a
}

func (h *house) key(account string) (string, settee.Key) {
	h.t.Helper()
	secret, k, err := h.CreateKey(h.t.Context(), account, "a key")
	if err != nil {
		h.t.Fatal(err)
	}
	return secret, k
}

func (h *house) code(want settee.Code, err error) {
	h.t.Helper()
	if settee.CodeOf(err) != want {
		h.t.Errorf("error %v, want %s", err, want)
	}
}

func TestTheFirstStart(t *testing.T) {
	each(t, func(h *house) {
		if !regexp.MustCompile(`^comfyui-[0-9a-f]{64}$`).MatchString(h.first) {
			h.t.Errorf("the first key is %q", h.first)
		}
		a, k, err := h.Authenticate(h.t.Context(), h.first)
		if err != nil {
			h.t.Fatal(err)
		}
		if a.Name != "default" || a.Tier != (settee.Tier{Name: "local", API: true, Weight: 5}) || a.Disabled || !a.CreatedAt.Equal(h.now) {
			h.t.Errorf("account %+v", a)
		}
		if k.AccountID != a.ID || k.Scope != settee.ScopeClient || k.Prefix != h.first[:16] || k.Name != "first" {
			h.t.Errorf("key %+v", k)
		}
		if d, err := h.Default(h.t.Context()); err != nil || d != a {
			h.t.Errorf("default %+v, %v", d, err)
		}
		for _, wanted := range []string{"", "another-key-for-default"} {
			if again := first(h.t, h.another(), wanted); again != "" {
				h.t.Errorf("a later start made %q", again)
			}
			h.now = h.now.Add(time.Hour)
			if got := h.who(h.another(), h.first); got != "default" {
				h.t.Errorf("the first key is %s", got)
			}
		}
		if got := h.who(h.Service, "another-key-for-default"); got != "unauthorized" {
			h.t.Errorf("a wanted key of a later start is %s", got)
		}
	})
}

func TestTheFirstKeyMayBeChosen(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := account.New(db, account.Options{})
		if !account.Guessable("short") || account.Guessable("chosen-by-the-operator") {
			t.Error("a short key is not told from a long one")
		}
		if key := first(t, s, "chosen-by-the-operator"); key != "chosen-by-the-operator" {
			t.Errorf("first key %q", key)
		}
		a, k, err := s.Authenticate(t.Context(), "chosen-by-the-operator")
		if err != nil || a.Name != "default" || k.Prefix != "chosen-by-t" {
			t.Errorf("%+v, %+v, %v", a, k, err)
		}
	})
}

func TestServersThatStartTogetherMakeOneKey(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		keys := make([]string, 8)
		var all sync.WaitGroup
		for i := range keys {
			all.Go(func() {
				s := account.New(db, account.Options{})
				err := s.Bootstrap(t.Context())
				if err == nil {
					keys[i], err = s.FirstKey(t.Context(), "")
				}
				if err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		keys = slices.DeleteFunc(keys, func(k string) bool { return k == "" })
		if len(keys) != 1 {
			t.Fatalf("%d keys", len(keys))
		}
		if _, _, err := account.New(db, account.Options{}).Authenticate(t.Context(), keys[0]); err != nil {
			t.Error(err)
		}
	})
}

func TestTiers(t *testing.T) {
	each(t, func(h *house) {
		for _, want := range []settee.Tier{
			{Name: "free", Concurrent: 1, QueueLimit: 100, RuntimeCap: 10 * time.Minute, MonthlyCredits: 400_000, Weight: 1},
			{Name: "standard", Concurrent: 1, QueueLimit: 100, RuntimeCap: 30 * time.Minute, MonthlyCredits: 4_200_000, Weight: 1},
			{Name: "creator", API: true, Concurrent: 3, QueueLimit: 100, RuntimeCap: 30 * time.Minute, MonthlyCredits: 7_400_000, Weight: 3},
			{Name: "pro", API: true, Concurrent: 5, QueueLimit: 100, RuntimeCap: time.Hour, MonthlyCredits: 21_100_000, Weight: 5},
		} {
			if a := h.create("in-"+want.Name, want.Name); a.Tier != want {
				h.t.Errorf("tier %+v, want %+v", a.Tier, want)
			}
		}
		if a := h.create("anybody", ""); a.Tier.Name != "creator" {
			h.t.Errorf("without a tier: %+v", a.Tier)
		}
		// What an operator changed stays.
		err := h.db.Write(h.t.Context(), func(tx *store.Tx) error {
			_, err := tx.Exec(`UPDATE tiers SET concurrent = 7 WHERE name = 'pro'`)
			return err
		})
		if err != nil {
			h.t.Fatal(err)
		}
		if err := h.another().Bootstrap(h.t.Context()); err != nil {
			h.t.Fatal(err)
		}
		if a, err := h.Show(h.t.Context(), "in-pro"); err != nil || a.Tier.Concurrent != 7 {
			h.t.Errorf("%+v, %v", a.Tier, err)
		}
	})
}

func TestAccounts(t *testing.T) {
	each(t, func(h *house) {
		ann := h.create("ann", "pro")
		if shown, err := h.Show(h.t.Context(), "ann"); err != nil || shown != ann {
			h.t.Errorf("shown %+v, %v", shown, err)
		}
		_, err := h.Create(h.t.Context(), "ann", "")
		h.code(settee.CodeConflict, err)
		_, err = h.Create(h.t.Context(), "bob", "gold")
		h.code(settee.CodeInvalid, err)
		for _, name := range []string{"", "a b", "a/b", "-x", "ä", "a\n", strings.Repeat("x", 65)} {
			_, err = h.Create(h.t.Context(), name, "")
			h.code(settee.CodeInvalid, err)
		}
		h.create("Zoe@example.com", "")
		all, err := h.List(h.t.Context())
		if err != nil {
			h.t.Fatal(err)
		}
		var names []string
		for _, a := range all {
			names = append(names, a.Name)
		}
		if got := strings.Join(names, " "); got != "Zoe@example.com ann default" {
			h.t.Errorf("listed %s", got)
		}
		_, err = h.Show(h.t.Context(), "nobody")
		h.code(settee.CodeNotFound, err)
		_, err = h.Disable(h.t.Context(), "nobody")
		h.code(settee.CodeNotFound, err)
	})
}

func TestASecretIsNowhereInTheDatabase(t *testing.T) {
	each(t, func(h *house) {
		h.create("ann", "")
		secret, k := h.key("ann")
		var hash, prefix string
		err := h.db.Read(h.t.Context(), func(tx *store.Tx) error {
			return tx.QueryRow(`SELECT hash, prefix FROM api_keys WHERE id = $1`, k.ID).Scan(&hash, &prefix)
		})
		if err != nil {
			h.t.Fatal(err)
		}
		sum := sha256.Sum256([]byte(secret))
		if hash != hex.EncodeToString(sum[:]) || prefix != secret[:16] {
			h.t.Errorf("kept %q and %q", hash, prefix)
		}
		for _, wrong := range []string{"", hash, prefix, k.ID, secret[:71], secret + "0", strings.ToUpper(secret)} {
			if got := h.who(h.Service, wrong); got != "unauthorized" {
				h.t.Errorf("%q is %s", wrong, got)
			}
		}
	})
}

func TestKeys(t *testing.T) {
	each(t, func(h *house) {
		h.create("ann", "")
		h.create("bob", "")
		first, firstKey := h.key("ann")
		h.now = h.now.Add(time.Second)
		second, secondKey := h.key("ann")
		bobs, bobKey := h.key("bob")
		admin, adminKey, err := h.CreateAdminKey(h.t.Context(), "ops")
		if err != nil {
			h.t.Fatal(err)
		}
		if keys, err := h.Keys(h.t.Context(), "ann"); err != nil || !slices.Equal(keys, []settee.Key{firstKey, secondKey}) {
			h.t.Errorf("ann's keys %+v, %v", keys, err)
		}
		if keys, err := h.Keys(h.t.Context(), ""); err != nil || len(keys) != 5 || keys[4] != adminKey && keys[3] != adminKey {
			h.t.Errorf("all keys %+v, %v", keys, err)
		}
		a, k, err := h.Authenticate(h.t.Context(), admin)
		if err != nil || a != (settee.Account{}) || k != adminKey || k.Scope != settee.ScopeAdmin || k.AccountID != "" {
			h.t.Errorf("admin: %+v, %+v, %v", a, k, err)
		}
		_, _, err = h.CreateKey(h.t.Context(), "nobody", "")
		h.code(settee.CodeNotFound, err)
		_, _, err = h.CreateKey(h.t.Context(), "ann", "line\nbreak")
		h.code(settee.CodeInvalid, err)
		_, err = h.Keys(h.t.Context(), "nobody")
		h.code(settee.CodeNotFound, err)

		for _, c := range []struct{ secret, owner, name string }{
			{first, "ann", firstKey.ID}, {second, "ann", secondKey.Prefix}, {bobs, "bob", bobs},
		} {
			if got := h.who(h.Service, c.secret); got != c.owner {
				h.t.Errorf("before: %s", got)
			}
			if err := h.DeleteKey(h.t.Context(), c.name); err != nil {
				h.t.Error(err)
			}
			if got := h.who(h.Service, c.secret); got != "unauthorized" {
				h.t.Errorf("after: %s", got)
			}
			h.code(settee.CodeNotFound, h.DeleteKey(h.t.Context(), c.name))
		}
		h.code(settee.CodeNotFound, h.DeleteKey(h.t.Context(), bobKey.ID))
		if keys, err := h.Keys(h.t.Context(), "ann"); err != nil || len(keys) > 0 {
			h.t.Errorf("ann's keys %+v, %v", keys, err)
		}
	})
}

func TestAPrefixOfSeveralKeysDeletesNone(t *testing.T) {
	each(t, func(h *house) {
		err := h.db.Write(h.t.Context(), func(tx *store.Tx) error {
			_, err := tx.Exec(`INSERT INTO api_keys (id, name, prefix, hash, scope, created_at)
				VALUES ('1', '', 'same', 'a', 'admin', 1), ('2', '', 'same', 'b', 'admin', 1)`)
			return err
		})
		if err != nil {
			h.t.Fatal(err)
		}
		h.code(settee.CodeConflict, h.DeleteKey(h.t.Context(), "same"))
		if err := h.DeleteKey(h.t.Context(), "1"); err != nil {
			h.t.Error(err)
		}
		if err := h.DeleteKey(h.t.Context(), "same"); err != nil {
			h.t.Error(err)
		}
	})
}

func TestADisabledAccountIsShutOut(t *testing.T) {
	each(t, func(h *house) {
		h.create("ann", "")
		secret, _ := h.key("ann")
		other := h.another()
		if h.who(h.Service, secret) != "ann" || h.who(other, secret) != "ann" {
			h.t.Fatal("the key does not work")
		}
		for range 2 {
			if a, err := h.Disable(h.t.Context(), "ann"); err != nil || !a.Disabled {
				h.t.Errorf("%+v, %v", a, err)
			}
		}
		if got := h.who(h.Service, secret); got != "forbidden" {
			h.t.Errorf("here: %s", got)
		}
		h.now = h.now.Add(5*time.Second - time.Microsecond)
		if got := h.who(other, secret); got != "ann" {
			h.t.Errorf("on another server, remembered: %s", got)
		}
		h.now = h.now.Add(time.Microsecond)
		if got := h.who(other, secret); got != "forbidden" {
			h.t.Errorf("on another server after five seconds: %s", got)
		}
	})
}

// The answer that was asked for before a change and came after it is not kept.
func TestAnAnswerThatCrossesAChangeIsNotRemembered(t *testing.T) {
	db := storetest.SQLite(t)
	slow := &crossing{Store: db}
	s := account.New(slow, account.Options{})
	secret := first(t, s, "")
	slow.afterRead = func() {
		slow.afterRead = nil
		if _, err := s.Disable(t.Context(), account.Default); err != nil {
			t.Error(err)
		}
	}
	if _, _, err := s.Authenticate(t.Context(), secret); err != nil {
		t.Errorf("the call that was under way: %v", err)
	}
	if _, _, err := s.Authenticate(t.Context(), secret); settee.CodeOf(err) != settee.CodeForbidden {
		t.Errorf("the next call: %v", err)
	}
}

type crossing struct {
	account.Store
	afterRead func()
}

func (c *crossing) KeyByHash(ctx context.Context, hash string) (settee.Account, settee.Key, error) {
	a, k, err := c.Store.KeyByHash(ctx, hash)
	if c.afterRead != nil {
		c.afterRead()
	}
	return a, k, err
}
