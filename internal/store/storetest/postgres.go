package storetest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
)

// server is the PostgreSQL that this test binary uses.
var server postgresServer

type postgresServer struct {
	once  sync.Once
	err   error  // why there is none
	admin string // URL of a database from which others can be made
	dir   string
	run   func(command string, args ...string) error
	made  atomic.Int64
}

var errNone = errors.New("PostgreSQL is not installed and SETTEE_TEST_POSTGRES is not set")

// PostgresURL makes an empty database and is its URL. The test is skipped when
// there is no server.
func PostgresURL(t testing.TB) string {
	t.Helper()
	server.once.Do(server.start)
	if errors.Is(server.err, errNone) && os.Getenv("SETTEE_TEST_REQUIRE") == "" {
		t.Skip("SKIPPED ON POSTGRESQL: ", server.err)
	}
	if server.err != nil {
		t.Fatal("PostgreSQL: ", server.err)
	}
	name := fmt.Sprintf("settee_test_%d_%d", os.Getpid(), server.made.Add(1))
	server.do(t, "CREATE DATABASE "+name+" TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C'")
	t.Cleanup(func() { server.do(t, "DROP DATABASE "+name+" WITH (FORCE)") })
	u, err := url.Parse(server.admin)
	if err != nil {
		t.Fatal(err)
	}
	u.Path = "/" + name
	return u.String()
}

func (s *postgresServer) do(t testing.TB, statement string) {
	t.Helper()
	db, err := sql.Open("pgx", s.admin)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(context.Background(), statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

func (s *postgresServer) start() {
	if s.admin = os.Getenv("SETTEE_TEST_POSTGRES"); s.admin != "" {
		return
	}
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if len(found) == 0 {
		s.err = errNone
		return
	}
	slices.Sort(found)
	s.err = s.launch(filepath.Dir(found[len(found)-1]))
}

// launch starts a server in a folder of its own, on a socket there, without
// waiting for the disk. PostgreSQL refuses to run as root.
func (s *postgresServer) launch(bin string) (err error) {
	if s.dir, err = os.MkdirTemp("/tmp", "settee-pg-"); err != nil {
		return err
	}
	var as *syscall.SysProcAttr
	name := "postgres"
	if os.Getuid() == 0 {
		u, err := user.Lookup(name)
		if err != nil {
			if u, err = user.Lookup("nobody"); err != nil {
				return err
			}
		}
		uid, _ := strconv.Atoi(u.Uid)
		gid, _ := strconv.Atoi(u.Gid)
		if err := os.Chown(s.dir, uid, gid); err != nil {
			return err
		}
		as = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
	}
	s.run = func(command string, args ...string) error {
		cmd := exec.Command(filepath.Join(bin, command), append([]string{"-D", filepath.Join(s.dir, "data")}, args...)...)
		cmd.SysProcAttr, cmd.Dir = as, s.dir
		out, err := cmd.CombinedOutput()
		if err != nil {
			log, _ := os.ReadFile(filepath.Join(s.dir, "log"))
			return fmt.Errorf("%s: %w\n%s%s", command, err, out, log)
		}
		return nil
	}
	if err := s.run("initdb", "-U", name, "-A", "trust", "--locale=C", "-E", "UTF8", "--no-sync"); err != nil {
		return err
	}
	s.admin = "postgres:///postgres?" + url.Values{"host": {s.dir}, "user": {name}}.Encode()
	return s.run("pg_ctl", "start", "-w", "-l", filepath.Join(s.dir, "log"), "-o", "-k "+s.dir+
		" -c listen_addresses= -c fsync=off -c synchronous_commit=off -c full_page_writes=off -c max_connections=200")
}

func (s *postgresServer) stop() error {
	if s.run == nil {
		return nil
	}
	return errors.Join(s.run("pg_ctl", "stop", "-w", "-m", "immediate"), os.RemoveAll(s.dir))
}
