// Package process keeps a ComfyUI running: its own port and folders, its log,
// readiness, restarts with back-off. One Process is one GPU.
//
// What holds: a process that was started is gone with all its children when
// Run returns, when a restart was asked for, and (on Linux) when this program
// dies, however it dies. The folders for input, output and temporary files are
// emptied at each start: what lay there was of a process that is no more.
package process

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/settee/settee/internal/engine/comfyui"
)

// Options of a process. Zero durations mean the defaults named.
type Options struct {
	Dir    string       // of main.py
	Python string       // interpreter; empty: venv or .venv beside main.py, else python3
	Data   string       // folder for its files; made when it is not there
	Args   []string     // further arguments of main.py
	Device string       // CUDA device it may see; empty: all
	Name   string       // in the log
	Log    *slog.Logger // nil: slog.Default

	StartLimit time.Duration // until it must answer (10 min: custom nodes are imported first)
	StopGrace  time.Duration // from asking it to end until it is killed (10 s)
	MinBackoff time.Duration // before it is started again (1 s), doubled each time it ends early
	MaxBackoff time.Duration // (1 min)
}

// Process is a supervised ComfyUI. It satisfies comfyui.Process.
type Process struct {
	opt     Options
	python  string
	folders comfyui.Folders
	flags   []string

	mu      sync.Mutex
	changed chan struct{} // closed at each change of what follows
	url     string
	epoch   int
	alive   bool
	over    bool   // Run has returned
	kill    func() // ends the process at once; nil: there is none
	asked   bool   // it was killed to be started again
	last    error  // why it ended
}

var _ comfyui.Process = (*Process)(nil)

// ours are arguments that a Process decides.
var ours = []string{"--port", "--listen", "--input-directory", "--output-directory", "--temp-directory", "--user-directory"}

// New finds the interpreter and makes the folders; Run starts the process.
func New(opt Options) (*Process, error) {
	if opt.Log == nil {
		opt.Log = slog.Default()
	}
	for _, d := range []struct {
		have *time.Duration
		want time.Duration
	}{{&opt.StartLimit, 10 * time.Minute}, {&opt.StopGrace, 10 * time.Second}, {&opt.MinBackoff, time.Second}, {&opt.MaxBackoff, time.Minute}} {
		if *d.have <= 0 {
			*d.have = d.want
		}
	}
	for _, a := range opt.Args {
		name, _, _ := strings.Cut(a, "=")
		if slices.Contains(ours, name) {
			return nil, fmt.Errorf("ComfyUI's argument %s is decided here", name)
		}
	}
	var err error
	if opt.Dir, err = filepath.Abs(opt.Dir); err != nil {
		return nil, err
	}
	if _, err := os.Stat(filepath.Join(opt.Dir, "main.py")); err != nil {
		return nil, fmt.Errorf("%s holds no ComfyUI: %w", opt.Dir, err)
	}
	if opt.Data, err = filepath.Abs(opt.Data); err != nil {
		return nil, err
	}
	p := &Process{opt: opt, changed: make(chan struct{}), folders: comfyui.Folders{
		Input:  filepath.Join(opt.Data, "input"),
		Output: filepath.Join(opt.Data, "output"),
		Temp:   filepath.Join(opt.Data, "scratch", "temp"), // ComfyUI adds the last part
	}}
	if p.python, err = interpreter(opt.Dir, opt.Python); err != nil {
		return nil, err
	}
	p.flags = p.arguments()
	return p, nil
}

// interpreter is the Python that ComfyUI was installed for.
func interpreter(dir, given string) (string, error) {
	if given != "" {
		return exec.LookPath(given)
	}
	for _, venv := range []string{"venv", ".venv"} {
		for _, name := range []string{"bin/python", "Scripts/python.exe"} {
			path := filepath.Join(dir, venv, filepath.FromSlash(name))
			if _, err := os.Stat(path); err == nil {
				return path, nil
			}
		}
	}
	path, err := exec.LookPath("python3")
	if err != nil {
		return "", errors.New("no Python was found: neither venv nor .venv beside main.py, nor python3")
	}
	return path, nil
}

// arguments of main.py but the port. Those that not every version has are
// given when its own list of arguments names them.
func (p *Process) arguments() []string {
	args := []string{
		"--listen", "127.0.0.1", "--disable-auto-launch",
		"--input-directory", p.folders.Input, "--output-directory", p.folders.Output,
		"--temp-directory", filepath.Dir(p.folders.Temp), "--user-directory", filepath.Join(p.opt.Data, "user"),
	}
	known, err := os.ReadFile(filepath.Join(p.opt.Dir, "comfy", "cli_args.py"))
	if err != nil {
		known = nil // a version that keeps it elsewhere: only what all have
	}
	for _, a := range [][2]string{
		{"--database-url", "sqlite:///" + filepath.ToSlash(filepath.Join(p.opt.Data, "user", "comfyui.db"))},
		{"--preview-method", "auto"},
	} {
		if strings.Contains(string(known), a[0]) && !slices.ContainsFunc(p.opt.Args, func(s string) bool { return s == a[0] || strings.HasPrefix(s, a[0]+"=") }) {
			args = append(args, a[0], a[1])
		}
	}
	return append(args, p.opt.Args...)
}

// URL is where the newest process listens; empty before the first start.
func (p *Process) URL() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.url
}

// Epoch counts the starts.
func (p *Process) Epoch() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.epoch
}

// Alive reports that the process runs and has answered.
func (p *Process) Alive() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.alive
}

// Folders are the process's own.
func (p *Process) Folders() comfyui.Folders { return p.folders }

// Ready waits until the process answers. It is an error when ctx ends first or
// when the process is not supervised any more.
func (p *Process) Ready(ctx context.Context) error { return p.wait(ctx, 0) }

// wait waits for an answering process of an epoch after the one named.
func (p *Process) wait(ctx context.Context, after int) error {
	for {
		p.mu.Lock()
		ready, over, last, changed := p.alive && p.epoch > after, p.over, p.last, p.changed
		p.mu.Unlock()
		switch {
		case ready:
			return nil
		case over:
			return errors.Join(errors.New("ComfyUI is not supervised any more"), last)
		}
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), last)
		case <-changed:
		}
	}
}

// Restart kills the process and waits until the next one answers.
func (p *Process) Restart(ctx context.Context, why string) error {
	p.mu.Lock()
	p.opt.Log.Warn("ComfyUI is restarted", "process", p.opt.Name, "why", why)
	epoch, kill := p.epoch, p.kill
	p.asked = kill != nil
	p.alive = false
	p.change()
	p.mu.Unlock()
	if kill != nil {
		kill()
	}
	return p.wait(ctx, epoch)
}

// change wakes those who wait. The caller holds mu.
func (p *Process) change() {
	close(p.changed)
	p.changed = make(chan struct{})
}

// Run supervises until ctx ends, then stops the process.
func (p *Process) Run(ctx context.Context) error {
	defer func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.over, p.alive = true, false
		p.change()
	}()
	backoff := p.opt.MinBackoff
	for ctx.Err() == nil {
		begun := time.Now()
		err := p.once(ctx)
		p.mu.Lock()
		asked := p.asked
		p.asked, p.alive, p.kill, p.last = false, false, nil, err
		p.change()
		p.mu.Unlock()
		if ctx.Err() != nil {
			break
		}
		if asked {
			backoff = p.opt.MinBackoff
			continue
		}
		if time.Since(begun) > p.opt.MaxBackoff {
			backoff = p.opt.MinBackoff
		}
		p.opt.Log.Error("ComfyUI ended", "process", p.opt.Name, "error", err, "again_in", backoff)
		pause := time.NewTimer(backoff)
		select {
		case <-ctx.Done():
		case <-pause.C:
		}
		pause.Stop()
		backoff = min(2*backoff, p.opt.MaxBackoff)
	}
	return nil
}

// once runs one process to its end. The error says how it ended.
func (p *Process) once(ctx context.Context) error {
	if err := p.prepare(); err != nil {
		return err
	}
	port, err := freePort()
	if err != nil {
		return err
	}
	cmd := exec.Command(p.python, append([]string{"-u", "main.py", "--port", fmt.Sprint(port)}, p.flags...)...)
	cmd.Dir = p.opt.Dir
	cmd.Env = append(os.Environ(), "PYTHONUNBUFFERED=1")
	if p.opt.Device != "" {
		cmd.Env = append(cmd.Env, "CUDA_VISIBLE_DEVICES="+p.opt.Device, "HIP_VISIBLE_DEVICES="+p.opt.Device)
	}
	out := &logWriter{log: p.opt.Log.With("process", p.opt.Name)}
	defer out.flush()
	cmd.Stdout, cmd.Stderr = out, out
	cmd.WaitDelay = 2 * time.Second // a child may hold the pipe
	group(cmd)

	exited := make(chan error, 1)
	started := make(chan error, 1)
	go func() {
		// The process ends with the thread that started it.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			exited <- cmd.Wait()
		}
	}()
	if err := <-started; err != nil {
		return err
	}
	defer end(cmd) // what it left running
	url := fmt.Sprintf("http://127.0.0.1:%d", port)
	p.mu.Lock()
	p.url, p.kill = url, func() { end(cmd) }
	p.epoch++
	p.change()
	p.mu.Unlock()
	p.opt.Log.Info("ComfyUI is starting", "process", p.opt.Name, "url", url, "pid", cmd.Process.Pid)

	answers := make(chan struct{})
	probing, stop := context.WithCancel(ctx)
	defer stop()
	go func() {
		if answering(probing, url) {
			close(answers)
		}
	}()
	limit := time.NewTimer(p.opt.StartLimit)
	defer limit.Stop()
	for {
		select {
		case err := <-exited:
			return ended(err)
		case <-answers:
			answers = nil
			limit.Stop()
			p.mu.Lock()
			p.alive = !p.asked
			p.change()
			p.mu.Unlock()
			p.opt.Log.Info("ComfyUI is ready", "process", p.opt.Name, "url", url)
		case <-limit.C:
			end(cmd)
			<-exited
			return fmt.Errorf("it did not answer within %v", p.opt.StartLimit)
		case <-ctx.Done():
			ask(cmd)
			patience := time.NewTimer(p.opt.StopGrace)
			defer patience.Stop()
			select {
			case <-exited:
			case <-patience.C:
				end(cmd)
				<-exited
			}
			return nil
		}
	}
}

func ended(err error) error {
	if err == nil {
		return errors.New("it ended by itself")
	}
	return err
}

// prepare makes the folders and empties those that are for one process only.
func (p *Process) prepare() error {
	if err := os.MkdirAll(filepath.Join(p.opt.Data, "user"), 0o755); err != nil {
		return err
	}
	for _, dir := range []string{p.folders.Input, p.folders.Output, p.folders.Temp} {
		if err := os.RemoveAll(dir); err != nil {
			return err
		}
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	return nil
}

// answering waits until the server answers 200 on /system_stats; false when ctx
// ended first.
func answering(ctx context.Context, url string) bool {
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 5 * time.Second}
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/system_stats", nil)
		if err != nil {
			return false
		}
		if resp, err := client.Do(req); err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return true
			}
		}
		select {
		case <-ctx.Done():
			return false
		case <-tick.C:
		}
	}
}
