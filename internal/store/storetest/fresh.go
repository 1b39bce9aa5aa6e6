package storetest

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/settee/settee/internal/store"
)

// fresh is an empty database of each kind, brought up to date once a test binary:
// copies of it are at hand much sooner than it is.
var fresh struct {
	sqlite struct {
		once    sync.Once
		content []byte
		err     error
	}
	postgres struct {
		once sync.Once
		name string
		err  error
	}
}

// Fresh puts an empty SQLite database, brought up to date, at path.
func Fresh(t testing.TB, path string) {
	t.Helper()
	f := &fresh.sqlite
	f.once.Do(func() { f.content, f.err = freshSQLite() })
	if f.err != nil {
		t.Fatal(f.err)
	}
	if err := os.WriteFile(path, f.content, 0o600); err != nil {
		t.Fatal(err)
	}
}

func freshSQLite() ([]byte, error) {
	folder, err := os.MkdirTemp("", "settee-fresh-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(folder) }() // gone at the next boot at the latest
	path := filepath.Join(folder, "settee.db")
	if err := migrated("sqlite:" + path); err != nil {
		return nil, err
	}
	if _, err := os.Stat(path + "-wal"); !errors.Is(err, fs.ErrNotExist) {
		return nil, errors.New("a database that was closed has a log still")
	}
	return os.ReadFile(path)
}

// freshPostgres makes a copy of it on PostgreSQL, and is its URL.
func freshPostgres(t testing.TB) string {
	t.Helper()
	server.once.Do(start)
	skip(t, server.err)
	f := &fresh.postgres
	f.once.Do(func() {
		if f.name, f.err = create(empty); f.err == nil {
			f.err = migrated(at(f.name))
		}
	})
	if f.err != nil {
		t.Fatal(f.err)
	}
	return made(t, " TEMPLATE "+f.name)
}

// migrated brings a database up to date.
func migrated(url string) error {
	db, err := store.Open(context.Background(), url)
	if err != nil {
		return err
	}
	return db.Close()
}
