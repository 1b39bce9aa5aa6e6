package storetest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"sync"
	"sync/atomic"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
)

// server is the PostgreSQL that this test binary uses.
var server struct {
	once  sync.Once
	err   error    // why there is none
	admin *url.URL // of a database from which others can be made
	own   *Cluster
	made  atomic.Int64
}

var errNone = errors.New("PostgreSQL is not installed and SETTEE_TEST_POSTGRES is not set")

// PostgresURL makes an empty database and is its URL. The test is skipped when
// there is no server.
func PostgresURL(t testing.TB) string {
	t.Helper()
	server.once.Do(start)
	skip(t, server.err)
	return made(t, empty)
}

// empty is what a database is made from that has nothing.
const empty = " TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C'"

// made makes a database of the test's own, and is its URL.
func made(t testing.TB, from string) string {
	t.Helper()
	name, err := create(from)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := drop(name); err != nil {
			t.Fatal(err)
		}
	})
	return at(name)
}

func create(from string) (name string, err error) {
	name = fmt.Sprintf("settee_test_%d_%d", os.Getpid(), server.made.Add(1))
	return name, do("CREATE DATABASE " + name + from)
}

func drop(name string) error { return do("DROP DATABASE " + name + " WITH (FORCE)") }

// at is the URL of a database.
func at(name string) string {
	u := *server.admin
	u.Path = "/" + name
	return u.String()
}

// skip skips the test, or fails it where it must not be skipped.
func skip(t testing.TB, err error) {
	t.Helper()
	if errors.Is(err, errNone) && os.Getenv("SETTEE_TEST_REQUIRE") == "" {
		t.Skip("SKIPPED ON POSTGRESQL: ", err)
	}
	if err != nil {
		t.Fatal("PostgreSQL: ", err)
	}
}

func do(statement string) error {
	db, err := sql.Open("pgx", server.admin.String())
	if err != nil {
		return err
	}
	defer db.Close()
	if _, err := db.ExecContext(context.Background(), statement); err != nil {
		return fmt.Errorf("%s: %w", statement, err)
	}
	return nil
}

// start finds or starts the server, which does not wait for the disk.
func start() {
	if given := os.Getenv("SETTEE_TEST_POSTGRES"); given != "" {
		server.admin, server.err = url.Parse(given)
		return
	}
	if server.own, server.err = newCluster(" -c fsync=off -c synchronous_commit=off -c full_page_writes=off"); server.err != nil {
		return
	}
	if server.admin, server.err = url.Parse(server.own.URL); server.err == nil {
		server.err = server.own.Start()
	}
}

func stop() error {
	switch {
	case server.own != nil:
		return server.own.remove()
	case fresh.postgres.name != "":
		return drop(fresh.postgres.name)
	}
	return nil
}
