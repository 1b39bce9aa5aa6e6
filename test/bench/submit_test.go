package bench

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"testing"
	"time"
)

// BenchmarkSubmit is durable submits over 64 connections: of 64 accounts, and
// of one. No worker runs, here or there.
func BenchmarkSubmit(b *testing.B) {
	s := house(b)
	accounts(b, s.Data, connections)
	drain(b, s.Data, true)
	// The floor has a database of its own with the same schema and accounts.
	f := house(b)
	accounts(b, f.Data, connections)
	f.Stop()
	change(b, f.Data, func(tx *sql.Tx) error {
		_, err := tx.Exec(`INSERT INTO account_queue (account_id, running, queued, pass, typical, next_number, version)
			SELECT id, 0, 0, 0, 1, 1, 0 FROM accounts WHERE true ON CONFLICT DO NOTHING`)
		return err
	})
	under := floor(b, "submit "+filepath.Join(f.Data, "settee.db"))

	for _, many := range []int{connections, 1} {
		bodies, plain := make([][]byte, connections), make([][]byte, connections)
		for i := range connections {
			bodies[i] = request("POST", "/api/prompt", key(i%many), prompt(i, ""))
			plain[i] = request("POST", fmt.Sprintf("/bench-%d", i%many), "", prompt(i, ""))
		}
		ours, floor := versus(3,
			func() float64 { return rate(b, s.URL, 2*time.Second, func(i int) []byte { return bodies[i] }) },
			func() float64 { return rate(b, under.url, 2*time.Second, func(i int) []byte { return plain[i] }) })
		what := fmt.Sprintf("durable submits, %d connections over %d accounts", connections, many)
		if many == 1 {
			what = fmt.Sprintf("durable submits, %d connections over one account", connections)
		}
		compare(what, ours, floor, "/s", .6, true)
	}
}
