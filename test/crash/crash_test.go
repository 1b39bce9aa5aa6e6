package crash_test

import (
	"testing"
	"time"

	"github.com/settee/settee/internal/store/storetest"
	"github.com/settee/settee/test/process"
)

// A server that is killed at any moment loses no acknowledged job, ends each
// once, and gives no two of them the same file.
func TestServerKilledUnderLoad(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, database string) {
		random := randomly(t)
		server := process.On(database).Serve(t)
		l := newLoad(t, server.URL)
		for range times(t, "SETTEE_TEST_KILLS", 6) {
			l.progress(within(late))
			pause(t.Context(), time.Duration(random.IntN(300))*time.Millisecond)
			server.Kill()
			server.Start()
		}
		l.judge()
	})
}

// A server lives through its database being killed and coming back.
func TestDatabaseKilledUnderLoad(t *testing.T) {
	t.Parallel()
	random := randomly(t)
	database := storetest.PostgresToKill(t)
	server := process.On(database.URL).Serve(t)
	pid := server.PID()
	l := newLoad(t, server.URL)
	for range times(t, "SETTEE_TEST_DATABASE_KILLS", 3) {
		l.progress(within(late))
		pause(t.Context(), time.Duration(random.IntN(300))*time.Millisecond)
		if err := database.Kill(); err != nil {
			t.Fatal(err)
		}
		pause(t.Context(), time.Duration(random.IntN(1000))*time.Millisecond)
		database.Restart(t)
	}
	l.progress(within(late))
	l.judge()
	if server.PID() != pid {
		t.Error("the server was started again")
	}
	if t.Failed() {
		t.Log(quoted(server.Log()))
	}
}
