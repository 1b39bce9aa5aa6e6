package bench

import (
	"fmt"
	"io"
	"os"
	"testing"
	"time"

	"github.com/settee/settee/internal/engine/comfyui/comfyuitest"
	"github.com/settee/settee/test/process"
)

// pace is what a bare ComfyUI takes for the trivial job.
const pace = 4 * time.Millisecond

// serveComfyUI is a ComfyUI that computes nothing and takes as long as one that
// does.
func serveComfyUI() error {
	s := comfyuitest.Start(comfyuitest.Options{Pace: pace})
	s.TakeUpTo(1 << 40)
	fmt.Println(s.URL)
	_, err := io.Copy(io.Discard, os.Stdin)
	s.Close()
	return err
}

// comfy is the ComfyUI of SETTEE_TEST_COMFYUI, an otherwise idle one, or a
// process that stands for it.
func comfy(b *testing.B) (url string, real bool) {
	b.Helper()
	if url := os.Getenv("SETTEE_TEST_COMFYUI"); url != "" {
		return url, true
	}
	return floor(b, "comfyui").url, false
}

// way is how a ComfyUI is asked: directly, or through a server.
type way struct {
	name   string
	base   string
	server *process.Server // nil: directly
	worker *process.Worker // nil: in the server
	client *client
}

// ways are a ComfyUI itself, a server with the worker in it, and one with the
// worker beside it.
func ways(b *testing.B, url string) []*way {
	b.Helper()
	inside := house(b, "--comfyui", url, "--max-upload", "1TiB")
	setup := process.On("", "--log-level", "warn", "--native=false", "--max-upload", "1TiB")
	setup.Up = "/healthz"
	outside := setup.Serve(b)
	worker := process.Work(b, outside.URL, outside.Token(), "--comfyui", url, "--log-level", "warn")
	all := []*way{{name: "directly", base: url}, {name: "in-process", base: inside.URL, server: inside}, {name: "remote", base: outside.URL, server: outside, worker: worker}}
	for _, w := range all {
		if w.worker != nil {
			w.ready(b)
		}
		w.client = newClient(b, w.base, process.Key)
		w.client.view = "/view" // as ComfyUI is asked: the bytes, not a link to them
	}
	return all
}

// processor is how much processor time the server and the worker have had.
func (w *way) processor() (t time.Duration) {
	if w.server != nil {
		t += processor(w.server.PID())
	}
	if w.worker != nil {
		t += processor(w.worker.PID())
	}
	return t
}

// ready waits until the worker is there.
func (w *way) ready(b *testing.B) {
	b.Helper()
	c := client{base: w.base, key: process.Key}
	late := time.After(30 * time.Second)
	for {
		if _, err := c.ask(b.Context(), "GET", "/readyz", nil); err == nil {
			return
		}
		select {
		case <-late:
			b.Fatal("no worker came")
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// floorOf is how the table names what is asked directly.
func floorOf(real bool) string {
	if real {
		return "ComfyUI"
	}
	return "ComfyUI (a stand-in)"
}

// BenchmarkComfyUITrivial is what a server adds to a trivial job of ComfyUI's,
// from the submit to the bytes in hand.
func BenchmarkComfyUITrivial(b *testing.B) {
	url, real := comfy(b)
	all := ways(b, url)
	took := make([][]time.Duration, len(all))
	color, wrong := 1, 0
	for round := range 11 {
		for i, w := range all {
			some, bad := trips(b, w.client, color, 50)
			color, wrong = color+50, wrong+bad
			if round > 0 { // warm
				took[i] = append(took[i], fetched(some)...)
			}
		}
	}
	note(fmt.Sprintf("%s asked directly: trivial job in hand, p50", floorOf(real)), ms(percentile(took[0], .5)), " ms")
	added := func(i int, p float64) float64 { return ms(percentile(took[i], p) - percentile(took[0], p)) }
	bound("… added in-process, p50", added(1, .5), " ms", 2.5, false)
	bound("… added in-process, p95", added(1, .95), " ms", 5, false)
	bound("… added by a worker elsewhere, p50", added(2, .5), " ms", 5, false)
	bound("… wrong of 1,650", float64(wrong), "", 0, false)
	for stage, took := range stages(b, all[1].base) {
		b.ReportMetric(took, stage+"-ms")
	}
}

const second = `{"prompt":{"1":{"class_type":"EmptyImage","inputs":{"width":64,"height":64,"batch_size":1,"color":%d}},` +
	`"3":{"class_type":"FakeSleep","inputs":{"seconds":1.0,"images":["1",0]}},` +
	`"2":{"class_type":"SaveImage","inputs":{"filename_prefix":"bench","images":["3",0]}}},"client_id":%q}`

// BenchmarkComfyUISecond is a job whose node takes a second: to its end, as a
// listener hears it. A real ComfyUI needs a node FakeSleep for it.
func BenchmarkComfyUISecond(b *testing.B) {
	url, real := comfy(b)
	if asked := (&client{base: url}); real {
		if info, err := asked.ask(b.Context(), "GET", "/object_info/FakeSleep", nil); err != nil || len(info) < 10 {
			b.Skip("this ComfyUI has no node FakeSleep")
		}
	}
	all := ways(b, url)
	took := make([][]time.Duration, len(all))
	for round := range 6 {
		for i, w := range all {
			t, bad, err := w.client.submit(b.Context(), fmt.Appendf(nil, second, 1000*i+round, w.client.id), 1000*i+round)
			if err != nil || bad != nil {
				b.Fatal(err, bad)
			}
			if round > 0 {
				took[i] = append(took[i], t.ended)
			}
		}
	}
	for i, w := range all[1:] {
		compare("job of a second, "+w.name+"; the floor is "+floorOf(real), ms(percentile(took[i+1], .5)), ms(percentile(took[0], .5)), " ms", 1.003, false)
	}
}

// BenchmarkComfyUIBurst is 500 jobs at once.
func BenchmarkComfyUIBurst(b *testing.B) {
	url, real := comfy(b)
	all := ways(b, url)
	const jobs = 500
	rates, gaps, cost := make([][]float64, len(all)), make([][]time.Duration, len(all)), make([]time.Duration, len(all))
	color := 1
	for round := range 4 {
		for i, w := range all {
			n := jobs
			if round == 0 { // warm
				n = 50
			}
			before := w.processor()
			took, starts, ends := w.client.together(b, color, n)
			color += n
			if round > 0 {
				cost[i] += (w.processor() - before) / 3 / jobs
				rates[i] = append(rates[i], float64(n)/took.Seconds())
				if w.server != nil {
					gaps[i] = append(gaps[i], between(b, w.server.Data, starts, ends)...)
				}
			}
		}
	}
	for i, w := range all[1:] {
		compare("500 jobs at once, "+w.name+"; the floor is "+floorOf(real), median(rates[i+1]), median(rates[0]), " jobs/s", .85, true)
		bound("… from a job's end to the next start, p50, "+w.name, ms(percentile(gaps[i+1], .5)), " ms", 2, false)
		note("… processor time of a job, "+w.name, ms(cost[i+1]), " ms")
	}
}

// BenchmarkComfyUIAnswers is many jobs of several clients, of which each output
// is another picture and is looked at, and what a worker's process then needs.
func BenchmarkComfyUIAnswers(b *testing.B) {
	url, _ := comfy(b)
	const warm = 1_000
	jobs, wrong := max(sized(10_000)/2, warm), 0
	for _, w := range ways(b, url)[1:] {
		wrong += w.answers(b, 0, warm)
		if w.worker != nil {
			bound(fmt.Sprintf("a worker's memory after %d jobs of ComfyUI", warm), resident(w.worker.PID()), " MiB", 50, false)
		}
		wrong += w.answers(b, warm, jobs)
		if w.worker != nil && jobs > warm {
			note(fmt.Sprintf("… after %d", jobs), resident(w.worker.PID()), " MiB")
		}
	}
	bound(fmt.Sprintf("wrong or lost answers of %d jobs of ComfyUI", 2*jobs), float64(wrong), "", 0, false)
}

// answers runs jobs of four clients and counts those that went wrong.
func (w *way) answers(b *testing.B, from, to int) (wrong int) {
	b.Helper()
	const callers = 4
	results := make(chan int, callers)
	for k := range callers {
		c := newClient(b, w.base, process.Key)
		c.view = w.client.view
		go func() {
			bad := 0
			for i := from + k; i < to; i += callers {
				if _, bent, err := c.run(b.Context(), 1+i); err != nil || bent != nil {
					b.Log(err, bent)
					bad++
				}
			}
			results <- bad
		}()
	}
	for range callers {
		wrong += <-results
	}
	return wrong
}
