package bench

import (
	"database/sql"
	"fmt"
	"net/url"
	"path/filepath"
	"testing"
	"time"

	"github.com/settee/settee/internal/store/storetest"
	"github.com/settee/settee/test/process"
)

// BenchmarkSubmit is durable submits over 64 connections: of 64 accounts, and
// of one. No worker runs, here or there.
func BenchmarkSubmit(b *testing.B) {
	s := house(b)
	// The floor has a database of its own with the same schema and accounts.
	f := house(b)
	f.Stop()
	submits(b, "", s, s.Data, f.Data, filepath.Join(f.Data, "settee.db"))
}

// BenchmarkSubmitPostgres is the same on PostgreSQL, which waits for the disk.
func BenchmarkSubmitPostgres(b *testing.B) {
	cluster := storetest.PostgresToKill(b)
	second := another(b, cluster.URL)
	s := onPostgres(b, cluster.URL)
	f := onPostgres(b, second)
	f.Stop()
	submits(b, " (PostgreSQL)", s, cluster.URL, second, second)
}

func onPostgres(b *testing.B, database string) *process.Server {
	b.Helper()
	return process.On(database, "--log-level", "warn").Serve(b)
}

// another makes a second database on a server.
func another(b *testing.B, first string) string {
	b.Helper()
	db := database(b, first)
	defer db.Close()
	if _, err := db.Exec(`CREATE DATABASE floor TEMPLATE template0`); err != nil {
		b.Fatal(err)
	}
	u, err := url.Parse(first)
	if err != nil {
		b.Fatal(err)
	}
	u.Path = "/floor"
	return u.String()
}

// submits compares a server whose database is at ours with the floor on the
// database at theirs, which the floor's server knows by name.
func submits(b *testing.B, on string, s *process.Server, ours, theirs, name string) {
	accounts(b, ours, connections)
	drain(b, ours, true)
	accounts(b, theirs, connections)
	change(b, theirs, func(tx *sql.Tx) error {
		_, err := tx.Exec(`INSERT INTO account_queue (account_id, running, queued, pass, typical, next_number, version)
			SELECT id, 0, 0, 0, 1, 1, 0 FROM accounts WHERE true ON CONFLICT DO NOTHING`)
		return err
	})
	under := floor(b, "submit "+name)
	for _, many := range []int{connections, 1} {
		bodies, plain := make([][]byte, connections), make([][]byte, connections)
		for i := range connections {
			bodies[i] = request("POST", "/api/prompt", key(i%many), prompt(i, ""))
			plain[i] = request("POST", fmt.Sprintf("/bench-%d", i%many), "", prompt(i, ""))
		}
		ours, floor := versus(3,
			func() float64 { return rate(b, s.URL, 2*time.Second, func(i int) []byte { return bodies[i] }) },
			func() float64 { return rate(b, under.url, 2*time.Second, func(i int) []byte { return plain[i] }) })
		what := fmt.Sprintf("durable submits, %d connections over %d accounts%s", connections, many, on)
		if many == 1 {
			what = fmt.Sprintf("durable submits, %d connections over one account%s", connections, on)
		}
		compare(what, ours, floor, "/s", .6, true)
	}
	lone := request("POST", "/api/prompt", key(0), prompt(0, ""))
	plain := request("POST", "/bench-0", "", prompt(0, ""))
	mine, least := versus(3,
		func() float64 { return wait(b, s.URL, lone) },
		func() float64 { return wait(b, under.url, plain) })
	compare("one durable submit alone, p50"+on, mine, least, " ms", 2, false)
}

// wait is how long a request takes that is alone, in milliseconds (p50).
func wait(b *testing.B, base string, request []byte) float64 {
	b.Helper()
	c, err := dial(base)
	if err != nil {
		b.Fatal(err)
	}
	defer c.conn.Close()
	var all []time.Duration
	for range 200 {
		began := time.Now()
		status, body, err := c.do(request)
		if err != nil || status != 200 {
			b.Fatalf("%d %s: %v", status, body, err)
		}
		all = append(all, time.Since(began))
	}
	return ms(percentile(all, .5))
}
