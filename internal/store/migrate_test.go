package store

import (
	"database/sql"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"
)

// A file that holds something is copied before its schema changes; a new one is
// not.
func TestCopyBeforeMigration(t *testing.T) {
	path := filepath.Join(t.TempDir(), "it's one.db")
	open := func(path string) *sql.DB {
		db, err := sql.Open("sqlite", "file:"+path)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { db.Close() })
		return db
	}
	steps := fstest.MapFS{"00001_one.sql": {Data: []byte("-- +goose Up\nCREATE TABLE keepsake (word TEXT);\n")}}
	db := open(path)
	if err := migrateSQLite(t.Context(), db, path, steps); err != nil {
		t.Fatal(err)
	}
	if made, _ := filepath.Glob(path + ".before-*"); len(made) != 0 {
		t.Errorf("copied an empty database: %q", made)
	}
	if _, err := db.Exec(`INSERT INTO keepsake VALUES ('old')`); err != nil {
		t.Fatal(err)
	}
	steps["00002_two.sql"] = &fstest.MapFile{Data: []byte("-- +goose Up\nDROP TABLE keepsake;\n")}
	for range 2 { // the second time there is nothing to do
		if err := migrateSQLite(t.Context(), db, path, steps); err != nil {
			t.Fatal(err)
		}
	}
	var word string
	if err := open(path + ".before-2").QueryRow(`SELECT word FROM keepsake`).Scan(&word); err != nil || word != "old" {
		t.Errorf("the copy holds %q (%v)", word, err)
	}
	if err := db.QueryRow(`SELECT word FROM keepsake`).Scan(&word); err == nil {
		t.Error("the migration did not run")
	}
	if _, err := os.Stat(path + ".before-1"); !os.IsNotExist(err) {
		t.Errorf("stat of a copy that nobody needs: %v", err)
	}
}
