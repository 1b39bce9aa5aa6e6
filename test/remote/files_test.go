package remote_test

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/zeebo/blake3"

	"github.com/settee/settee"
	"github.com/settee/settee/client"
	"github.com/settee/settee/internal/engine/comfyui/comfyuitest"
	"github.com/settee/settee/test/process"
)

// studio is a server, and a worker where it is elsewhere, beside a ComfyUI.
type studio struct {
	*testing.T
	comfy  *comfyuitest.Server
	server *process.Server
	worker *process.Worker // nil: in the server
	proxy  *proxy          // between the two
	user   *client.Client
}

// studios runs f with the worker in the server and with one elsewhere.
func studios(t *testing.T, f func(s *studio)) {
	for _, name := range []string{"in-process", "remote"} {
		t.Run(name, func(t *testing.T) {
			s := &studio{T: t, comfy: comfyuitest.New(t)}
			s.comfy.TakeUpTo(1 << 40)
			if name == "remote" {
				setup := process.On("", "--native=false", "--max-upload", "1TiB", "--lease", long.String())
				setup.Up = "/healthz"
				s.server = setup.Serve(t)
				s.proxy = newProxy(t, s.server.URL)
				s.worker = process.Work(t, s.proxy.url, s.server.Token(), "--comfyui", s.comfy.URL)
			} else {
				s.server = process.Serve(t, "--comfyui", s.comfy.URL, "--max-upload", "1TiB", "--lease", long.String())
			}
			var err error
			if s.user, err = client.New(s.server.URL, process.Key, client.WithPoll(20*time.Millisecond)); err != nil {
				t.Fatal(err)
			}
			(&house{T: t, user: s.user}).ready()
			f(s)
		})
	}
}

// run runs a job to its good end.
func (s *studio) run(graph string) *client.Job {
	s.Helper()
	j, err := s.user.Run(s.Context(), client.Submission{Prompt: json.RawMessage(graph)}, nil)
	if err != nil || j.State != settee.Completed {
		s.Fatalf("%+v, %v", j, err)
	}
	return j
}

// memory is the most that the server and the worker have had.
func (s *studio) memory() (server, worker int64) {
	if s.worker != nil {
		worker = s.worker.Peak()
	}
	return s.server.Peak(), worker
}

// large is 128 MiB, or SETTEE_TEST_UPLOAD MiB.
func large(t *testing.T) int64 {
	n := int64(128)
	if s := os.Getenv("SETTEE_TEST_UPLOAD"); s != "" {
		var err error
		if n, err = strconv.ParseInt(s, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	return n<<20 + 12_345
}

// A video of any size goes from the client to ComfyUI and from ComfyUI to the
// client in bounded memory, and goes on where its connection broke: between
// worker and server, worker and ComfyUI, client and server. A form that is sent
// to ComfyUI is sent again; HTTP knows no other way.
func TestLargeVideos(t *testing.T) {
	t.Parallel()
	size := large(t)
	studios(t, func(s *studio) {
		s.run(`{"1": {"class_type": "FakeVideo", "inputs": {"seed": 1, "size": 2000000}}}`) // what a first job takes is not the video's
		server, worker := s.memory()
		began := time.Now()
		s.out(size)
		out := time.Since(began)
		s.in(size)
		in := time.Since(began) - out
		nowServer, nowWorker := s.memory()
		report := fmt.Sprintf("%d MiB out in %.1f s, in in %.1f s; the server grew from %d to %d MiB, the worker from %d to %d MiB",
			size>>20, out.Seconds(), in.Seconds(), server>>20, nowServer>>20, worker>>20, nowWorker>>20)
		s.Log(report)
		if nowServer-server > 64<<20 || nowWorker-worker > 64<<20 {
			s.Error(report)
		}
	})
}

// out has ComfyUI make a video and takes it in two parts.
func (s *studio) out(size int64) {
	s.Helper()
	made := comfyuitest.Pattern{Seed: uint64(size), Size: size}
	s.comfy.Fail(comfyuitest.Faults{CutView: []int{int(size / 2)}})
	sent, broken := int64(0), make(chan struct{})
	if s.proxy != nil {
		sent, broken = s.proxy.sent(), s.proxy.breakAfter(size/3*2)
	}
	j := s.run(fmt.Sprintf(`{"1": {"class_type": "FakeVideo", "inputs": {"seed": %d, "size": %d}}}`, made.Seed, size))
	if asked := s.comfy.Log().Ranges; !slices.Contains(asked, fmt.Sprintf("bytes=%d-", size/2)) {
		s.Errorf("ComfyUI was asked for %q, not for what came after the cut", asked)
	}
	if s.proxy != nil {
		<-broken
		if more := s.proxy.sent() - sent; more > size+size/4 {
			s.Errorf("%d bytes went to the server for %d", more, size)
		}
	}
	files := j.Outputs.Files()
	if len(files) != 1 {
		s.Fatalf("%d files", len(files))
	}
	hash := blake3.New()
	for _, part := range [][2]int64{{0, size / 2}, {size / 2, size}} {
		s.fetch(files[0].File, part[0], part[1], hash)
	}
	if sum := hex.EncodeToString(hash.Sum(nil)); sum != made.Sum() {
		s.Error("other bytes came out")
	}
}

// fetch reads a part of a file and leaves.
func (s *studio) fetch(f settee.File, from, to int64, into io.Writer) {
	s.Helper()
	q, err := http.NewRequestWithContext(s.Context(), http.MethodGet, s.server.URL+"/api/view?type="+string(f.Type)+"&subfolder="+url.QueryEscape(f.Subfolder)+"&filename="+url.QueryEscape(f.Filename), nil)
	if err != nil {
		s.Fatal(err)
	}
	q.Header.Set("X-API-Key", process.Key)
	q.Header.Set("Range", fmt.Sprintf("bytes=%d-", from))
	res, err := http.DefaultClient.Do(q)
	if err != nil {
		s.Fatal(err)
	}
	defer res.Body.Close()
	if n, err := io.CopyN(into, res.Body, to-from); err != nil || res.StatusCode != http.StatusPartialContent {
		s.Fatalf("%d bytes with status %d, %v", n, res.StatusCode, err)
	}
}

// in uploads a video that ComfyUI then loads.
func (s *studio) in(size int64) {
	s.Helper()
	film := comfyuitest.Pattern{Seed: uint64(size) + 1, Size: size}
	content := film
	up, err := s.user.Upload(s.Context(), client.Upload{File: settee.File{Filename: "film.mp4"}, Content: &content, Size: size})
	if err != nil {
		s.Fatal(err)
	}
	s.comfy.Fail(comfyuitest.Faults{CutUpload: []int{int(size / 2)}})
	received, broken := int64(0), make(chan struct{})
	if s.proxy != nil {
		received, broken = s.proxy.received(), s.proxy.breakDownAfter(size/3)
	}
	s.run(fmt.Sprintf(`{"1": {"class_type": "LoadVideo", "inputs": {"file": %q}},
		"2": {"class_type": "SaveVideo", "inputs": {"video": ["1", 0], "filename_prefix": "again", "format": "auto", "codec": "auto"}}}`, up.Reference()))
	if s.proxy != nil {
		<-broken
		if more := s.proxy.received() - received; more > 2*size { // a half for the form that broke, and all
			s.Errorf("%d bytes came from the server for %d", more, size)
		}
	}
	want := film.Sum()
	name := want[:12] + "-film.mp4"
	if sum, n := s.comfy.Uploaded(name); sum != want || n != size {
		s.Errorf("ComfyUI has %d bytes as %s: %s", n, name, sum)
	}
	if up := s.comfy.Log().Uploaded; len(up) != 1 || !strings.HasSuffix(up[0], name) {
		s.Errorf("uploaded %q", up)
	}
}
