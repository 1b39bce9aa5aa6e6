package remote_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/settee/settee"
	"github.com/settee/settee/client"
	"github.com/settee/settee/internal/engine/comfyui/comfyuitest"
	"github.com/settee/settee/internal/store/storetest"
	"github.com/settee/settee/test/process"
)

func TestMain(m *testing.M) {
	if os.Getenv(standIn) != "" {
		comfyuitest.StandIn(os.Args)
	}
	if err := os.Setenv(standIn, "yes"); err != nil { // for programs that start this one
		panic(err)
	}
	code := m.Run()
	if err := storetest.Stop(); err != nil {
		slog.Error("stopping PostgreSQL", "error", err)
		code = 1
	}
	os.Exit(code)
}

// programs is a server without workers, and the programs that work for it.
func programs(t *testing.T, database string, lease time.Duration) (*house, *process.Server) {
	t.Helper()
	setup := process.On(database, "--native=false", "--lease", lease.String())
	setup.Up = "/healthz"
	server := setup.Serve(t)
	h := &house{T: t, remote: true, url: server.URL, data: server.Data}
	h.user, h.operator = people(t, server)
	h.token = server.Token()
	return h, server
}

// each runs f with each kind of database, given as process.On takes it.
func each(t *testing.T, f func(t *testing.T, database string)) {
	t.Run("sqlite", func(t *testing.T) { t.Parallel(); f(t, "") })
	t.Run("postgres", func(t *testing.T) { t.Parallel(); f(t, storetest.PostgresURL(t)) })
}

// A worker that is killed in the middle loses its job to another, once.
func TestWorkerKilled(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, database string) {
		h, server := programs(t, database, 2*short)
		w := process.Work(t, server.URL, h.token, "--name", "first")
		h.ready()
		id := h.submit(slow(0x0a0b0c, 12))
		h.running(id)
		w.Kill()
		process.Work(t, server.URL, h.token, "--name", "second")
		h.colour(h.wait(id), "0a0b0c")
		if n := h.attempts(id); n != 2 {
			t.Errorf("%d attempts", n)
		}
	})
}

// A server that is killed while a job runs elsewhere comes back to the same
// attempt, with the whole history.
func TestServerKilledWhileAJobRunsElsewhere(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, database string) {
		h, server := programs(t, database, long)
		process.Work(t, server.URL, h.token)
		h.ready()
		id := h.submit(slow(0x0d0e0f, 30))
		h.begun(id)
		server.Kill()
		server.Start()
		j := h.wait(id)
		h.colour(j, "0d0e0f")
		if n := h.attempts(id); n != 1 {
			t.Errorf("%d attempts", n)
		}
		var told struct{ Messages [][2]json.RawMessage }
		if err := json.Unmarshal(j.ExecutionStatus, &told); err != nil {
			t.Fatal(err)
		}
		kinds := ""
		for _, m := range told.Messages {
			kinds += string(m[0])
		}
		if kinds != `"execution_start""execution_cached""execution_success"` {
			t.Errorf("history has %s", kinds)
		}
	})
}

// setting is the number that an environment variable holds, or usual.
func setting(t *testing.T, name string, usual int) int {
	t.Helper()
	n, err := strconv.Atoi(cmp.Or(os.Getenv(name), strconv.Itoa(usual)))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

// However often workers are killed, every job is done, once, and none shares a
// file: that several of its workers fell is no job's fault while others fall too.
func TestWorkersKilledAtRandom(t *testing.T) {
	t.Parallel()
	h, server := programs(t, "", short)
	kills, jobs := setting(t, "SETTEE_TEST_WORKER_KILLS", 8), setting(t, "SETTEE_TEST_WORKER_JOBS", 60)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	workers := make([]*process.Worker, 3)
	for i := range workers {
		workers[i] = process.Work(t, server.URL, h.token, "--name", fmt.Sprint("box-", i))
	}
	h.ready()
	ids := make([]string, jobs)
	for i := range ids {
		ids[i] = h.submit(slow(i, 1+random.IntN(4)))
	}
	ended := func() int {
		_, page, err := h.operator.Jobs(h.Context(), client.AdminFilter{States: []settee.JobState{settee.Completed, settee.Failed}, Limit: 1})
		if err != nil {
			t.Fatal(err)
		}
		return page.Total
	}
	killed := 0
	for ; killed < kills && ended() < jobs; killed++ {
		h.pass(time.Duration(random.IntN(max(1, min(1000, 20*jobs)))) * time.Millisecond)
		i := random.IntN(len(workers))
		workers[i].Kill()
		workers[i] = process.Work(t, server.URL, h.token, "--name", fmt.Sprint("box-", i))
	}
	most, names := 0, map[settee.File]string{}
	for i, id := range ids {
		h.until("ended", func() bool {
			s, err := h.user.Status(h.Context(), id)
			return err == nil && s.State.Terminal()
		})
		j, err := h.user.Job(h.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if j.State == settee.Failed {
			t.Errorf("job %d is %s after %d attempts: %+v", i, j.State, h.attempts(id), j.Error)
			continue
		}
		most = max(most, h.attempts(id))
		h.colour(j, fmt.Sprintf("%06x", i))
		f := j.Outputs.Files()[0].File
		if other := names[f]; other != "" {
			t.Errorf("jobs %s and %s share %v", other, id, f)
		}
		names[f] = id
	}
	t.Logf("%d kills, %d jobs, %d attempts at one of them", killed, jobs, most)
	if n := ended(); n != jobs {
		t.Errorf("%d jobs have ended, %d were submitted", n, jobs)
	}
}
