package bench

import (
	"database/sql"
	"encoding/json"
	"testing"
	"time"

	"github.com/settee/settee/test/process"
)

// BenchmarkBurst is 500 trivial jobs at once: jobs a second until the last has
// ended, and how soon a worker starts the next after it ended one.
func BenchmarkBurst(b *testing.B) {
	const jobs = 500
	s := house(b)
	c := newClient(b, s.URL, process.Key)
	trips(b, c, 1, 20) // warm
	before := processor(s.PID())
	var rates []float64
	var gaps []time.Duration
	for round := range 3 {
		took, starts, ends := c.together(b, 1000*(round+1), jobs)
		rates = append(rates, jobs/took.Seconds())
		gaps = append(gaps, between(b, s.Data, starts, ends)...)
	}
	b.ReportMetric(ms(processor(s.PID())-before)/3/jobs, "cpu-ms/job")
	bound("500 trivial jobs at once (bare ComfyUI: 265/s)", median(rates), " jobs/s", 400, true)
	bound("from a job's end to its worker's next start, p50", ms(percentile(gaps, .5)), " ms", 2, false)
}

// together submits jobs at once and listens until the last has ended.
func (c *client) together(b *testing.B, first, jobs int) (took time.Duration, starts, ends map[string]time.Time) {
	b.Helper()
	submitted := make(chan error, 1)
	began := time.Now()
	go func() { submitted <- burst(c.base, c.id, first, jobs) }()
	starts, ends = map[string]time.Time{}, map[string]time.Time{}
	for len(ends) < jobs {
		m, err := c.next(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		switch m.Type {
		case "execution_start":
			starts[m.Data.PromptID] = time.Now()
		case "execution_success":
			ends[m.Data.PromptID] = time.Now()
		case "execution_error":
			b.Fatal("a job failed")
		}
	}
	took = time.Since(began)
	if err := <-submitted; err != nil {
		b.Fatal(err)
	}
	return took, starts, ends
}

// burst submits so many jobs over 16 connections.
func burst(base, client string, first, n int) error {
	const callers = 16
	failed := make(chan error, callers)
	for i := range callers {
		go func() {
			failed <- func() error {
				c, err := dial(base)
				if err != nil {
					return err
				}
				defer c.conn.Close()
				for k := i; k < n; k += callers {
					status, body, err := c.do(request("POST", "/api/prompt", process.Key, prompt(first+k, client)))
					if err != nil {
						return err
					}
					if status != 200 {
						return json.Unmarshal(body, &struct{}{})
					}
				}
				return nil
			}()
		}()
	}
	var err error
	for range callers {
		if e := <-failed; e != nil {
			err = e
		}
	}
	return err
}

// between is the times, as a listener saw them, from the end of each job to the
// start of the one that the same worker claimed next.
func between(b *testing.B, data string, starts, ends map[string]time.Time) (gaps []time.Duration) {
	b.Helper()
	db := database(b, data)
	defer db.Close()
	rows, err := db.Query(`SELECT a.session_id, j.prompt_id FROM attempts a JOIN jobs j ON j.id = a.job_id ORDER BY a.session_id, a.claimed_at`)
	if err != nil {
		b.Fatal(err)
	}
	defer rows.Close()
	var session, before sql.NullString
	for rows.Next() {
		var s, id string
		if err := rows.Scan(&s, &id); err != nil {
			b.Fatal(err)
		}
		end, ended := ends[before.String]
		start, started := starts[id]
		if session.String == s && ended && started {
			gaps = append(gaps, start.Sub(end))
		}
		session.String, before.String = s, id
	}
	if err := rows.Err(); err != nil {
		b.Fatal(err)
	}
	return gaps
}
