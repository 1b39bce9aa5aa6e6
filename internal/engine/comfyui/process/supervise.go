package process

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"
)

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

	exited := make(chan error, 1) // how it ended
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
			return fmt.Errorf("it did not answer within %v: %w", p.opt.StartLimit, ended(<-exited))
		case <-ctx.Done():
			ask(cmd)
			patience := time.NewTimer(p.opt.StopGrace)
			defer patience.Stop()
			select {
			case err = <-exited:
			case <-patience.C:
				end(cmd)
				err = <-exited
			}
			p.opt.Log.Info("ComfyUI is stopped", "process", p.opt.Name, "state", err)
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
