package remote_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/settee/settee"
	"github.com/settee/settee/client"
	"github.com/settee/settee/test/process"
)

// standIn has this test's program be a ComfyUI where it is set: it is given as the
// interpreter of a folder with a main.py.
const standIn = "SETTEE_TEST_STAND_IN"

// supervised runs f with ComfyUI processes that the server keeps running, and
// with ones that a worker elsewhere does, one for each device.
func supervised(t *testing.T, devices string, f func(h *house)) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "main.py"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	served := []string{"--lease", long.String()}
	args := []string{"--comfyui", dir, "--comfyui-python", self, "--comfyui-devices", devices}
	for _, name := range []string{"in-process", "remote"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := &house{T: t}
			var server *process.Server
			if name == "remote" {
				setup := process.On("", append(served, "--native=false")...)
				setup.Up = "/healthz"
				server = setup.Serve(t)
				process.Work(t, server.URL, server.Token(), args...)
			} else {
				server = process.Serve(t, append(served, args...)...)
			}
			h.user, h.operator = people(t, server)
			h.ready()
			f(h)
		})
	}
}

// machine runs a job that waits for as many processes to run one, and tells what
// its process is.
func (h *house) machine(meet string, number int) string {
	return h.submit(fmt.Sprintf(`{"1": {"class_type": "FakeMachine", "inputs": {"meet": %q, "number": %d}}}`, meet, number))
}

func (h *house) told(id string) string {
	h.Helper()
	j := h.wait(id)
	raw, err := json.Marshal(j.Outputs)
	if err != nil || j.State != settee.Completed {
		h.Fatalf("%+v, %v", j, err)
	}
	return string(raw)
}

var facts = regexp.MustCompile(`PID=(\d+) CUDA_VISIBLE_DEVICES=(\d*) .*--port (\d+) .*--input-directory (\S+) --output-directory (\S+) --temp-directory (\S+) --user-directory (\S+)`)

// pid is the process that runs jobs, where there is one.
func (h *house) pid() int {
	h.Helper()
	m := facts.FindStringSubmatch(h.told(h.machine(h.TempDir(), 1)))
	if m == nil {
		h.Fatal("no process told about itself")
	}
	n, err := strconv.Atoi(m[1])
	if err != nil {
		h.Fatal(err)
	}
	return n
}

// One process a device: each sees its own, has its own port and folders, and
// jobs run on both at once.
func TestOneProcessForEachDevice(t *testing.T) {
	t.Parallel()
	supervised(t, "0,1", func(h *house) {
		meet := h.TempDir()
		first, second := h.machine(meet, 2), h.machine(meet, 2) // each waits for the other
		h.told(first)
		h.told(second)
		var all [][]string // what each was started with: clients are not told of folders
		there, err := filepath.Glob(filepath.Join(meet, "*"))
		for _, name := range there {
			text, err := os.ReadFile(name)
			if err != nil {
				h.Fatal(err)
			}
			all = append(all, facts.FindStringSubmatch(string(text)))
		}
		if err != nil || len(all) != 2 || all[0] == nil || all[1] == nil {
			h.Fatalf("%v of %q, %v", all, there, err)
		}
		for i, what := range []string{"", "process", "device", "port", "input folder", "output folder", "temp folder", "user folder"} {
			if all[0][i] == all[1][i] {
				h.Errorf("both have the %s %s", what, all[0][i])
			}
		}
		if devices := []string{all[0][2], all[1][2]}; !slices.Contains(devices, "0") || !slices.Contains(devices, "1") {
			h.Errorf("devices %q", devices)
		}
	})
}

// What happens when the ComfyUI that we keep running fails: the process is
// another one afterwards, and the job ends once.
func TestWhenOurComfyUIFails(t *testing.T) {
	t.Parallel()
	supervised(t, "0", func(h *house) {
		raise := func(kind, text, unless string) string {
			return fmt.Sprintf(`{"1": {"class_type": "FakeRaise", "inputs": {"kind": %q, "text": %q, "unless": %q}}}`, kind, text, unless)
		}
		once := func() string { return filepath.Join(h.TempDir(), "raised") }
		for _, c := range []struct {
			name, graph string
			state       settee.JobState
			reason      string
			attempts    int
			kept        bool // the process
		}{
			{name: "success", graph: plain(1), state: settee.Completed, attempts: 1, kept: true},
			{name: "a node's error", graph: raise("ValueError", "no", once()), state: settee.Failed, reason: "ValueError", attempts: 1, kept: true},
			{name: "out of memory, once", graph: raise("torch.OutOfMemoryError", "Allocation on device", once()), state: settee.Completed, attempts: 1},
			{name: "out of memory", graph: raise("torch.OutOfMemoryError", "Allocation on device", ""), state: settee.Failed, reason: "torch.OutOfMemoryError", attempts: 1},
			{name: "a device fault, once", graph: raise("RuntimeError", "CUDA error: an illegal memory access was encountered", once()), state: settee.Completed, attempts: 2},
			{name: "a full disk, once", graph: raise("OSError", "[Errno 28] No space left on device", once()), state: settee.Completed, attempts: 2, kept: true},
			{name: "poison", graph: `{"1": {"class_type": "FakeDie", "inputs": {"name": "x"}}}`, state: settee.Failed, reason: "Lost", attempts: 3},
		} {
			before := h.pid()
			id := h.submit(c.graph)
			j := h.wait(id)
			if n := h.attempts(id); j.State != c.state || n != c.attempts {
				h.Errorf("%s: %s after %d attempts: %+v", c.name, j.State, n, j.Error)
			}
			if c.state == settee.Failed && (j.Error == nil || !strings.Contains(j.Error.Type, c.reason)) {
				h.Errorf("%s: %+v", c.name, j.Error)
			}
			if after := h.pid(); (after == before) != c.kept {
				h.Errorf("%s: process %d, then %d", c.name, before, after)
			}
		}
		h.killed()
		h.cancelled()
	})
}

// killed: a process that is killed takes its job with it, which runs again.
func (h *house) killed() {
	h.Helper()
	pid := h.pid()
	meet := h.TempDir()
	id := h.machine(meet, 2) // it waits for a second process
	h.until("it runs", func() bool {
		there, err := os.ReadDir(meet)
		return err == nil && len(there) == 1
	})
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		h.Fatal(err)
	}
	if said := h.told(id); strings.Contains(said, fmt.Sprintf("PID=%d ", pid)) {
		h.Errorf("the process that was killed says %s", said)
	}
	if n := h.attempts(id); n != 2 {
		h.Errorf("%d attempts", n)
	}
}

// cancelled: a node that stops when it is asked to leaves the process alive.
func (h *house) cancelled() {
	h.Helper()
	pid := h.pid()
	id := h.submit(`{"1": {"class_type": "FakeWait", "inputs": {"name": "nobody"}}}`)
	h.running(id)
	if done, err := h.user.Cancel(h.ctx(), id); err != nil || !done {
		h.Fatalf("cancel: %v, %v", done, err)
	}
	began := time.Now()
	if j := h.wait(id); j.State != settee.Cancelled || h.pid() != pid {
		h.Errorf("%s after %v", j.State, time.Since(began))
	}
}

// people are a user and the operator of a server.
func people(t *testing.T, server *process.Server) (*client.Client, client.Admin) {
	t.Helper()
	user, err := client.New(server.URL, process.Key, client.WithPoll(20*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(server.Data, settee.ServerFile))
	if err != nil {
		t.Fatal(err)
	}
	var found settee.Server
	if err := json.Unmarshal(text, &found); err != nil {
		t.Fatal(err)
	}
	operator, err := client.New(found.URL, found.Key)
	if err != nil {
		t.Fatal(err)
	}
	return user, operator.Admin()
}
