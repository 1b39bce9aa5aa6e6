package bench

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/settee/settee"
	api "github.com/settee/settee/client"
	"github.com/settee/settee/internal/engine/comfyui/comfyuitest"
	"github.com/settee/settee/test/process"
)

// BenchmarkComfyUIFiles is how fast a worker collects a large output from
// ComfyUI into the server, and stages a large input there, over loopback and
// HTTP. The ComfyUI is a stand-in that makes and hashes its files as they move.
func BenchmarkComfyUIFiles(b *testing.B) {
	const size = 512 << 20
	url := floor(b, "comfyui").url
	ways := ways(b, url)[1:]
	collected, staged, viewed := map[string][]float64{}, map[string][]float64{}, []float64{}
	for round := range 3 {
		for i, w := range ways {
			c, err := api.New(w.base, process.Key, api.WithPoll(5*time.Millisecond))
			if err != nil {
				b.Fatal(err)
			}
			seed := uint64(10*round + i + 1)
			collected[w.name] = append(collected[w.name], rateOf(b, size, func() error {
				return w.finish(b, fmt.Appendf(nil, `{"1":{"class_type":"FakeVideo","inputs":{"seed":%d,"size":%d}}}`, seed, size))
			}))
			film := comfyuitest.Pattern{Seed: 1000 + seed, Size: size}
			up, err := c.Upload(b.Context(), api.Upload{File: settee.File{Filename: fmt.Sprintf("film-%d.mp4", seed)}, Content: &film, Size: size})
			if err != nil {
				b.Fatal(err)
			}
			staged[w.name] = append(staged[w.name], rateOf(b, size, func() error {
				return w.finish(b, fmt.Appendf(nil, `{"1":{"class_type":"LoadVideo","inputs":{"file":%q}},"2":{"class_type":"SaveVideo","inputs":{"video":["1",0],"filename_prefix":"x","format":"auto","codec":"auto"}}}`, up.Reference()))
			}))
		}
		viewed = append(viewed, rateOf(b, size, func() error { return view(url, round, size) }))
	}
	note("a file of 512 MiB read from the stand-in's /view", median(viewed), " MB/s")
	for _, w := range ways {
		bound("a job that makes a file of 512 MiB: collected, "+w.name, median(collected[w.name]), " MB/s", 300, true)
		bound("a job that reads a file of 512 MiB: staged, "+w.name, median(staged[w.name]), " MB/s", 300, true)
	}
}

// finish submits a graph and waits for its good end.
func (w *way) finish(b *testing.B, graph []byte) error {
	b.Helper()
	answer, err := w.client.ask(b.Context(), http.MethodPost, "/api/prompt", fmt.Appendf(nil, `{"prompt":%s,"client_id":%q}`, graph, w.client.id))
	if err != nil {
		return err
	}
	var receipt struct {
		ID string `json:"prompt_id"`
	}
	if err := json.Unmarshal(answer, &receipt); err != nil {
		return err
	}
	for {
		m, err := w.client.next(b.Context())
		if err != nil {
			return err
		}
		if m.Data.PromptID != receipt.ID {
			continue
		}
		switch m.Type {
		case "execution_success":
			return nil
		case "execution_error", "execution_interrupted":
			return fmt.Errorf("the job ended with %s", m.Type)
		}
	}
}

// view has a ComfyUI make a file and reads it.
func view(url string, round int, size int64) error {
	body := fmt.Appendf(nil, `{"prompt":{"1":{"class_type":"FakeVideo","inputs":{"seed":%d,"size":%d}}}}`, 5000+round, size)
	res, err := http.Post(url+"/prompt", "application/json", bytes.NewReader(body))
	if err != nil {
		return err
	}
	res.Body.Close()
	res, err = http.Get(url + "/view?filename=video_00001.mkv")
	if err != nil {
		return err
	}
	defer res.Body.Close()
	n, err := io.Copy(io.Discard, res.Body)
	if err == nil && n != size {
		err = fmt.Errorf("%d bytes with status %d", n, res.StatusCode)
	}
	return err
}
