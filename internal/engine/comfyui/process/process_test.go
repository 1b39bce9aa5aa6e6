package process_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/settee/settee/internal/engine/comfyui/process"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// script stands for ComfyUI's main.py: it starts a child, is slow to be ready,
// tells its arguments, and ends when it is told to.
const script = `
import http.server, json, os, subprocess, sys, signal
args = dict(zip(sys.argv[1::1], sys.argv[2::1]))
child = subprocess.Popen(["sleep", "600"])
print("hello from", os.environ.get("CUDA_VISIBLE_DEVICES"), flush=True)
sys.stderr.write("10%\r50%\r100% done\n")
if os.path.exists("fail"):
    sys.exit("cannot start")
left = 2
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        global left
        if self.path == "/die":
            os._exit(3)
        left -= 1
        self.send_response(503 if left > 0 else 200)
        self.end_headers()
        self.wfile.write(json.dumps({"argv": sys.argv, "pid": os.getpid(), "child": child.pid}).encode())
    def log_message(self, *a): pass
if os.path.exists("stubborn"):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
http.server.HTTPServer(("127.0.0.1", int(args["--port"])), Handler).serve_forever()
`

// log keeps what was logged.
type log struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

type bench struct {
	*testing.T
	p    *process.Process
	dir  string
	data string
	log  *log
	stop func()
	done chan struct{}
}

func setUp(t *testing.T, files map[string]string, change func(*process.Options)) *bench {
	b := &bench{T: t, dir: t.TempDir(), data: filepath.Join(t.TempDir(), "data"), log: &log{}, done: make(chan struct{})}
	files["main.py"] = script
	for name, content := range files {
		path := filepath.Join(b.dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	opt := process.Options{Dir: b.dir, Data: b.data, Name: "gpu0", MinBackoff: 50 * time.Millisecond, MaxBackoff: time.Second, StopGrace: 500 * time.Millisecond,
		Log: slog.New(slog.NewTextHandler(b.log, nil))}
	if change != nil {
		change(&opt)
	}
	var err error
	if b.p, err = process.New(opt); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	b.stop = cancel
	go func() {
		defer close(b.done)
		if err := b.p.Run(ctx); err != nil {
			t.Error(err)
		}
	}()
	t.Cleanup(func() { cancel(); <-b.done })
	return b
}

func (b *bench) ready() {
	b.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	if err := b.p.Ready(ctx); err != nil {
		b.Fatal(err, b.log)
	}
}

func (b *bench) get(path string) string {
	b.Helper()
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get(b.p.URL() + path)
	if err != nil {
		return ""
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		b.Fatal(err)
	}
	return string(body)
}

// pid reads a number out of the script's answer.
func (b *bench) pid(key string) int {
	_, rest, _ := strings.Cut(b.get("/system_stats"), `"`+key+`": `)
	n, err := strconv.Atoi(strings.TrimRight(strings.SplitN(rest, ",", 2)[0], "}"))
	if err != nil {
		b.Fatal(err)
	}
	return n
}

// gone waits until a process is no more (a zombie is no more).
func (b *bench) gone(pid int) {
	b.Helper()
	b.until("the end of process "+strconv.Itoa(pid), func() bool {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		return err != nil && syscall.Kill(pid, 0) != nil || strings.Contains(string(stat), ") Z ")
	})
}

func TestStartsWithItsOwnPortAndFolders(t *testing.T) {
	b := setUp(t, map[string]string{"comfy/cli_args.py": `parser.add_argument("--database-url")`}, func(o *process.Options) {
		o.Device, o.Args = "1", []string{"--lowvram"}
	})
	b.ready()
	if b.p.Epoch() != 1 || !b.p.Alive() || !strings.HasPrefix(b.p.URL(), "http://127.0.0.1:") {
		t.Errorf("epoch %d, alive %v, %s", b.p.Epoch(), b.p.Alive(), b.p.URL())
	}
	_, port, _ := strings.Cut(strings.TrimPrefix(b.p.URL(), "http://"), ":")
	want := fmt.Sprintf(`["main.py", "--port", "%[2]s", "--listen", "127.0.0.1", "--disable-auto-launch", "--input-directory", "%[1]s/input", `+
		`"--output-directory", "%[1]s/output", "--temp-directory", "%[1]s/scratch", "--user-directory", "%[1]s/user", "--database-url", "sqlite:///%[1]s/user/comfyui.db", "--lowvram"]`, b.data, port)
	if have := b.get("/system_stats"); !strings.Contains(have, want) {
		t.Errorf("%s\nnot %s", have, want)
	}
	for _, dir := range []string{b.p.Folders().Input, b.p.Folders().Output, b.p.Folders().Temp} {
		if _, err := os.Stat(dir); err != nil {
			t.Error(err)
		}
	}
	b.stop()
	<-b.done
	for _, line := range []string{`msg="hello from 1" process=gpu0`, `msg="100% done" process=gpu0`} {
		if !strings.Contains(b.log.String(), line) {
			t.Errorf("the log lacks %s:\n%s", line, b.log)
		}
	}
}

func TestStopsWithItsChildren(t *testing.T) {
	for _, kind := range []string{"", "stubborn"} {
		files := map[string]string{}
		if kind != "" {
			files[kind] = ""
		}
		b := setUp(t, files, nil)
		b.ready()
		pid, child := b.pid("pid"), b.pid("child")
		b.stop()
		<-b.done
		b.gone(pid)
		b.gone(child)
		if err := b.p.Ready(context.Background()); err == nil || b.p.Alive() {
			t.Error("it is ready after its end")
		}
	}
}

func TestStartsAgainAfterACrash(t *testing.T) {
	b := setUp(t, map[string]string{}, nil)
	b.ready()
	old, child := b.p.URL(), b.pid("child")
	stale := filepath.Join(b.p.Folders().Output, "stale.png")
	if err := os.WriteFile(stale, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- nil; b.get("/die") }()
	<-ended
	b.epoch(2)
	if b.p.URL() == old {
		t.Error("the port was not chosen anew")
	}
	b.gone(child)
	if _, err := os.Stat(stale); !os.IsNotExist(err) {
		t.Error("files of the earlier process are still there")
	}
}

// epoch waits until a process of that epoch is ready.
func (b *bench) epoch(n int) {
	b.Helper()
	b.until("the next process", func() bool { return b.p.Epoch() >= n && b.p.Alive() })
}

func (b *bench) until(what string, came func() bool) {
	b.Helper()
	limit, tick := time.NewTimer(2*time.Minute), time.NewTicker(5*time.Millisecond)
	defer limit.Stop()
	defer tick.Stop()
	for !came() {
		select {
		case <-limit.C:
			b.Fatalf("%s does not come", what)
		case <-tick.C:
		}
	}
}

func TestRestart(t *testing.T) {
	b := setUp(t, map[string]string{"stubborn": ""}, nil)
	b.ready()
	pid := b.pid("pid")
	if err := b.p.Restart(context.Background(), "a test"); err != nil {
		t.Fatal(err)
	}
	if b.p.Epoch() != 2 || !b.p.Alive() {
		t.Errorf("epoch %d, alive %v", b.p.Epoch(), b.p.Alive())
	}
	b.gone(pid)
}

func TestStartsThatFailAreTriedAgain(t *testing.T) {
	b := setUp(t, map[string]string{"fail": ""}, nil)
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	if err := b.p.Ready(ctx); err == nil {
		t.Fatal("a process that fails is ready")
	}
	b.until("a second try", func() bool { return b.p.Epoch() > 1 && strings.Contains(b.log.String(), "cannot start") })
	if err := os.Remove(filepath.Join(b.dir, "fail")); err != nil {
		t.Fatal(err)
	}
	b.ready()
	if b.p.Epoch() < 2 || !strings.Contains(b.log.String(), "cannot start") {
		t.Errorf("epoch %d, log %s", b.p.Epoch(), b.log)
	}
}

func TestInterpreter(t *testing.T) {
	b := setUp(t, map[string]string{".venv/bin/python": "#!/bin/sh\necho from the venv\nexec python3 \"$@\"\n"}, nil)
	b.ready()
	b.stop()
	<-b.done
	if !strings.Contains(b.log.String(), "from the venv") {
		t.Errorf("log %s", b.log)
	}
}

func TestBadOptions(t *testing.T) {
	dir := t.TempDir()
	if _, err := process.New(process.Options{Dir: dir, Data: dir}); err == nil {
		t.Error("a folder without main.py was taken")
	}
	if err := os.WriteFile(filepath.Join(dir, "main.py"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, o := range []process.Options{{Args: []string{"--port", "1"}}, {Args: []string{"--output-directory=/x"}}, {Python: "/no/such/python"}} {
		o.Dir, o.Data = dir, dir
		if _, err := process.New(o); err == nil {
			t.Errorf("%+v was taken", o)
		}
	}
}
