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
	err   error  // why there is none
	admin string // URL of a database from which others can be made
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
	name := fmt.Sprintf("settee_test_%d_%d", os.Getpid(), server.made.Add(1))
	do(t, "CREATE DATABASE "+name+" TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C'")
	t.Cleanup(func() { do(t, "DROP DATABASE "+name+" WITH (FORCE)") })
	u, err := url.Parse(server.admin)
	if err != nil {
		t.Fatal(err)
	}
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

func do(t testing.TB, statement string) {
	t.Helper()
	db, err := sql.Open("pgx", server.admin)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(context.Background(), statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// start finds or starts the server, which does not wait for the disk.
func start() {
	if server.admin = os.Getenv("SETTEE_TEST_POSTGRES"); server.admin != "" {
		return
	}
	if server.own, server.err = newCluster(" -c fsync=off -c synchronous_commit=off -c full_page_writes=off"); server.err != nil {
		return
	}
	server.admin = server.own.URL
	server.err = server.own.Start()
}

func stop() error {
	if server.own == nil {
		return nil
	}
	return server.own.remove()
}
