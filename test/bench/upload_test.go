package bench

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/settee/settee/test/process"
)

// BenchmarkUpload is one large upload beside a copy of as much to the same
// disk, synced, and what it takes of the server's memory.
func BenchmarkUpload(b *testing.B) {
	const size = 1 << 30
	s := house(b, "--max-upload", "2GiB")
	dir := b.TempDir()
	block := make([]byte, 1<<20)
	for i := range block {
		block[i] = byte(rand.Uint32())
	}
	before := resident(s.PID())
	peak := watch(s.PID())
	var ours, floors []float64
	for round := range 3 {
		floors = append(floors, rateOf(b, size, func() error { return copied(filepath.Join(dir, "copy"), block, size) }))
		ours = append(ours, rateOf(b, size, func() error { return upload(s, fmt.Sprintf("%d.bin", round), byte(round), block, size) }))
	}
	compare("upload of 1 GiB; the floor is a synced copy (ComfyUI: 140 MB/s)", median(ours), median(floors), " MB/s", .8, true)
	bound("upload of 1 GiB, where the disk is that fast", median(ours), " MB/s", 300, true)
	bound("memory that it takes (ComfyUI: 1 GiB)", peak()-before, " MiB", 64, false)
}

func rateOf(b *testing.B, size int64, f func() error) float64 {
	b.Helper()
	began := time.Now()
	if err := f(); err != nil {
		b.Fatal(err)
	}
	return float64(size) / 1e6 / time.Since(began).Seconds()
}

// watch looks at a process's memory until it is asked for the most it saw, in
// MiB.
func watch(pid int) func() float64 {
	stop, most := make(chan struct{}), make(chan float64)
	go func() {
		peak := 0.0
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			peak = max(peak, resident(pid))
			select {
			case <-stop:
				most <- peak
				return
			case <-tick.C:
			}
		}
	}()
	return func() float64 { close(stop); return <-most }
}

func copied(path string, block []byte, size int64) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer os.Remove(path)
	defer f.Close()
	for range size / int64(len(block)) {
		if _, err := f.Write(block); err != nil {
			return err
		}
	}
	return f.Sync()
}

// upload sends size bytes that no other round sent, and checks the name it got.
func upload(s *process.Server, name string, mark byte, block []byte, size int64) error {
	var head, tail bytes.Buffer
	form := multipart.NewWriter(&head)
	if _, err := form.CreateFormFile("image", name); err != nil {
		return err
	}
	fmt.Fprintf(&tail, "\r\n--%s--\r\n", form.Boundary())
	first := bytes.Clone(block)
	first[0] ^= mark + 1
	parts := []io.Reader{&head, bytes.NewReader(first)}
	for range size/int64(len(block)) - 1 {
		parts = append(parts, bytes.NewReader(block))
	}
	q, err := http.NewRequest(http.MethodPost, s.URL+"/api/upload/image", io.MultiReader(append(parts, &tail)...))
	if err != nil {
		return err
	}
	q.ContentLength = int64(head.Len()+tail.Len()) + size
	q.Header.Set("X-API-Key", process.Key)
	q.Header.Set("Content-Type", form.FormDataContentType())
	res, err := http.DefaultClient.Do(q)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err == nil && (res.StatusCode != http.StatusOK || !bytes.Contains(answer, []byte(`"`+name+`"`))) {
		err = fmt.Errorf("status %d: %s", res.StatusCode, answer)
	}
	return err
}
