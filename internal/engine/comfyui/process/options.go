package process

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
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
