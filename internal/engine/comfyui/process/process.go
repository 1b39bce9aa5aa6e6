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
	"sync"

	"github.com/settee/settee/internal/engine/comfyui"
)

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
