package cli

import (
	"fmt"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/settee/settee/client"
)

// bar shows a job as a bar on a terminal: the running node's title and steps,
// nodes done of all, time since the submit.
type bar struct {
	mu   sync.Mutex
	t    *tracker
	bar  *progressbar.ProgressBar
	stop chan struct{}
	done sync.WaitGroup
}

func newBar(p *Program, t *tracker) *bar {
	b := &bar{t: t, stop: make(chan struct{})}
	b.bar = progressbar.NewOptions(max(len(t.graph.Nodes), 1),
		progressbar.OptionSetWriter(p.Err),
		progressbar.OptionSetWidth(24),
		progressbar.OptionShowCount(),
		progressbar.OptionSetElapsedTime(true),
		progressbar.OptionSetPredictTime(false),
		progressbar.OptionSetTheme(progressbar.Theme{Saucer: "█", SaucerPadding: "░", BarStart: "", BarEnd: ""}),
		progressbar.OptionSetRenderBlankState(true),
		progressbar.OptionSetDescription(column("waiting")),
	)
	b.done.Go(b.tick)
	return b
}

// tick draws the bar anew while nothing happens, for the clock in it.
func (b *bar) tick() {
	ticker := time.NewTicker(200 * time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case <-b.stop:
			return
		case <-ticker.C:
			b.draw()
		}
	}
}

func (b *bar) submitted(client.Receipt) {}

func (b *bar) hear(e client.Event) {
	b.mu.Lock()
	b.t.hear(e)
	b.mu.Unlock()
	b.draw()
}

func (b *bar) draw() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.bar.Describe(column(b.t.doing()))
	if n := len(b.t.done); n < b.bar.GetMax() { // a full bar would end its line
		_ = b.bar.Set(n) // a terminal that is gone shows nothing
	}
}

func (b *bar) close() {
	close(b.stop)
	b.done.Wait()
	_ = b.bar.Clear()
}

// column is a text as wide as the others, so that the bar stands still.
func column(s string) string {
	const width = 30
	if r := []rune(s); len(r) > width {
		s = string(r[:width-1]) + "…"
	}
	return fmt.Sprintf("%-*s", width, s)
}
