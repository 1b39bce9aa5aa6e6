package cli

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/rivo/uniseg"
	"github.com/schollz/progressbar/v3"

	"github.com/settee/settee/client"
)

// bar shows a job as a bar on a terminal: the running node's title and steps,
// nodes done of all, time since the submit.
type bar struct {
	mu   sync.Mutex
	t    *tracker
	bar  *progressbar.ProgressBar
	wide func() int // columns for the text before the bar
	stop chan struct{}
	done sync.WaitGroup
}

func newBar(p *Program, t *tracker) *bar {
	nodes := max(len(t.graph.Nodes), 1)
	b := &bar{t: t, stop: make(chan struct{}), wide: func() int { return room(p.Columns, nodes) }}
	b.bar = progressbar.NewOptions(nodes,
		progressbar.OptionSetWriter(p.Err),
		progressbar.OptionSetWidth(barWidth),
		progressbar.OptionShowCount(),
		progressbar.OptionSetElapsedTime(true),
		progressbar.OptionSetPredictTime(false),
		progressbar.OptionSetTheme(progressbar.Theme{Saucer: "█", SaucerPadding: "░", BarStart: "", BarEnd: ""}),
		progressbar.OptionSetRenderBlankState(true),
		progressbar.OptionSetDescription(column("waiting", "", b.wide())),
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
	b.bar.Describe(b.text())
	if n := len(b.t.done); n < b.bar.GetMax() { // a full bar would end its line
		_ = b.bar.Set(n) // a terminal that is gone shows nothing
	}
}

func (b *bar) close() {
	close(b.stop)
	b.done.Wait()
	_ = b.bar.Clear()
}

func (b *bar) text() string {
	title, steps := b.t.doing()
	return column(title, steps, b.wide())
}

const barWidth = 24

// room is how many columns of a terminal are left for the text before the bar,
// the share done, the count and the clock.
func room(columns func() int, nodes int) int {
	all := 0
	if columns != nil {
		all = columns()
	}
	if all <= 0 {
		all = 80
	}
	count := len(fmt.Sprintf(" (%d/%d) ", nodes, nodes))
	return min(max(all-barWidth-len(" 100% ")-count-len("[59m59s]")-1, 8), 60)
}

// column is a title and steps, as wide as the others so that the bar stands
// still. A long title is cut; the steps are seen whole.
func column(title, steps string, width int) string {
	if steps != "" {
		steps = " " + steps
	}
	left := width - uniseg.StringWidth(steps)
	if uniseg.StringWidth(title) > left {
		short, state := "", -1
		for rest := title; rest != ""; {
			var cluster string
			cluster, rest, _, state = uniseg.FirstGraphemeClusterInString(rest, state)
			if uniseg.StringWidth(short+cluster) > left-1 {
				break
			}
			short += cluster
		}
		title = short + "…"
	}
	text := title + steps
	return text + strings.Repeat(" ", max(width-uniseg.StringWidth(text), 0))
}
