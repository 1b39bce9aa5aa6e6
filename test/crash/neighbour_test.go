package crash_test

import (
	"testing"

	"github.com/settee/settee/internal/store/storetest"
	"github.com/settee/settee/test/process"
)

// Servers that share a database leave each other's jobs alone, and have each other's
// small files. When one is
// killed for good, its lease runs out and another does what it was doing.
func TestNeighbourTakesOver(t *testing.T) {
	t.Parallel()
	database := storetest.PostgresURL(t)
	first := process.On(database, "--workers", "1").Serve(t)
	c := &client{base: first.URL}
	running, err := c.submit(t.Context(), long(0x778899, 12))
	if err != nil || running == "" {
		t.Fatalf("submit: %q %v", running, err)
	}
	started := func(j job) bool { return j.Status != "pending" }
	c.until(t, running, within(late), started)

	second := process.On(database, "--workers", "1").Serve(t)
	other := &client{base: second.URL}
	beside, err := other.submit(t.Context(), small(0x010203))
	if err != nil || beside == "" {
		t.Fatalf("submit: %q %v", beside, err)
	}
	if j := other.until(t, beside, within(late), job.ended); j.Status == "completed" && len(j.files()) == 1 {
		c.whole(t, j.files()[0], 0x010203) // it is small
	} else {
		t.Errorf("the second server's job ended as %s with %d files", j.Status, len(j.files()))
	}
	if j, ok := c.job(t, running); !ok || j.Status != "in_progress" {
		t.Fatalf("the first server's job is %q after the second has started", j.Status)
	}
	first.Kill()
	j := other.until(t, running, within(late), job.ended)
	if j.Status != "completed" || len(j.files()) != 1 {
		t.Fatalf("the killed server's job ended as %s with %d files", j.Status, len(j.files()))
	}
	other.whole(t, j.files()[0], 0x778899)
}
