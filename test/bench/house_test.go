package bench

import (
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/settee/settee"
	"github.com/settee/settee/test/process"
)

// graph is the trivial job: one picture of one colour, saved.
const graph = `{"1":{"class_type":"EmptyImage","inputs":{"width":64,"height":64,"batch_size":1,"color":%d}},` +
	`"2":{"class_type":"SaveImage","inputs":{"filename_prefix":"bench","images":["1",0]}}}`

func prompt(color int, client string) []byte {
	return fmt.Appendf(nil, `{"prompt":`+graph+`,"client_id":%q}`, color, client)
}

func key(account int) string { return fmt.Sprintf("comfyui-bench-account-%d", account) }

// accounts makes so many accounts of tier local in a server's database (see
// change), each with a key.
func accounts(b *testing.B, where string, n int) {
	b.Helper()
	now := time.Now().UnixMicro()
	change(b, where, func(tx *sql.Tx) error {
		for i := range n {
			sum := sha256.Sum256([]byte(key(i)))
			id := fmt.Sprintf("bench-%d", i)
			if _, err := tx.Exec(`INSERT INTO accounts (id, name, tier, disabled, created_at) VALUES ($1, $1, 'local', FALSE, $2)`, id, now); err != nil {
				return err
			}
			if _, err := tx.Exec(`INSERT INTO api_keys (id, account_id, name, prefix, hash, scope, created_at)
				VALUES ($1, $2, 'bench', 'bench', $3, $4, $5)`, "key-"+id, id, hex.EncodeToString(sum[:]), settee.ScopeClient, now); err != nil {
				return err
			}
		}
		return nil
	})
}

// drain keeps a server's workers from taking jobs, or lets them again.
func drain(b *testing.B, where string, drained bool) {
	b.Helper()
	change(b, where, func(tx *sql.Tx) error {
		_, err := tx.Exec(`UPDATE workers SET drained = $1`, drained)
		return err
	})
}

// change writes to a server's database behind its back: that of a PostgreSQL's
// URL, else of a data folder.
func change(b *testing.B, where string, f func(tx *sql.Tx) error) {
	b.Helper()
	db := database(b, where)
	defer db.Close()
	tx, err := db.Begin()
	if err != nil {
		b.Fatal(err)
	}
	defer tx.Rollback()
	if err := f(tx); err != nil {
		b.Fatal(err)
	}
	if err := tx.Commit(); err != nil {
		b.Fatal(err)
	}
}

func database(b *testing.B, where string) *sql.DB {
	b.Helper()
	driver, name := "pgx", where
	if !isPostgres(where) {
		driver, name = "sqlite", "file:"+filepath.Join(where, "settee.db")+"?_pragma=busy_timeout(20000)&_txlock=immediate"
	}
	db, err := sql.Open(driver, name)
	if err != nil {
		b.Fatal(err)
	}
	return db
}

func isPostgres(where string) bool { return strings.HasPrefix(where, "postgres:") }

// house starts a server.
func house(b *testing.B, args ...string) *process.Server {
	b.Helper()
	return process.Serve(b, append([]string{"--log-level", "warn"}, args...)...)
}

// processor is how much processor time a process has had.
func processor(pid int) time.Duration {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(rest)
	var user, system int64 // in hundredths of a second
	if len(fields) < 13 {
		return 0
	}
	fmt.Sscan(fields[11], &user)
	fmt.Sscan(fields[12], &system)
	return time.Duration(user+system) * 10 * time.Millisecond
}

// resident is a process's memory in MiB.
func resident(pid int) float64 { return kib(fmt.Sprintf("/proc/%d/status", pid), "VmRSS") / 1024 }
