package remote_test

import (
	"bytes"
	"fmt"
	"image"
	"image/png"
	"io"
	"math/rand/v2"
	"net/http"
	"regexp"
	"strconv"
	"testing"

	"github.com/settee/settee"
	"github.com/settee/settee/client"
	"github.com/settee/settee/internal/engine"
)

// uploads is how many calls have brought files of workers to the server.
func (h *house) uploads() (n int) {
	h.Helper()
	res, err := http.Get(h.url + "/metrics")
	if err != nil {
		h.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		h.Fatal(err)
	}
	for _, m := range uploadCalls.FindAllSubmatch(text, -1) {
		calls, err := strconv.Atoi(string(m[1]))
		if err != nil {
			h.Fatal(err)
		}
		n += calls
	}
	return n
}

var uploadCalls = regexp.MustCompile(`settee_http_requests_total{method="(?:PUT|POST)",path="/worker/v1/sessions/{session}/(?:blobs|uploads)[^"]*",status="2xx"} (\d+)`)

// A worker elsewhere makes no call of its own for a small result, and does for a
// large one; both are there with the ending.
func TestSmallResultsAreNotUploaded(t *testing.T) {
	t.Parallel()
	h := apart(t, 0)
	for i, side := range []int{8, 256} {
		noise := image.NewNRGBA(image.Rect(0, 0, side, side))
		if _, err := rand.NewChaCha8([32]byte{}).Read(noise.Pix); err != nil {
			t.Fatal(err)
		}
		for p := 3; p < len(noise.Pix); p += 4 {
			noise.Pix[p] = 255
		}
		var source bytes.Buffer
		if err := png.Encode(&source, noise); err != nil {
			t.Fatal(err)
		}
		in, err := h.user.Upload(h.ctx(), client.Upload{File: settee.File{Filename: "noise.png"}, Content: &source})
		if err != nil {
			t.Fatal(err)
		}
		j := h.wait(h.submit(fmt.Sprintf(`{"1": {"class_type": "LoadImage", "inputs": {"image": %q}},
			"9": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "x"}}}`, in.Reference())))
		if files := j.Outputs.Files(); j.State != settee.Completed || len(files) != 1 {
			t.Fatalf("%s with %d files", j.State, len(files))
		}
		content, err := h.user.View(h.ctx(), j.Outputs.Files()[0].File)
		if err != nil {
			t.Fatal(err)
		}
		defer content.Close()
		made, err := io.ReadAll(content)
		if err != nil || (len(made) > engine.MaxSmall) != (i == 1) {
			t.Fatalf("%d bytes, %v", len(made), err)
		}
		picture, err := png.Decode(bytes.NewReader(made))
		if err != nil || picture.At(side-1, side-1) != picture.ColorModel().Convert(noise.At(side-1, side-1)) {
			t.Errorf("a picture of %d bytes is another one, %v", len(made), err)
		}
		if n := h.uploads(); n != i {
			t.Errorf("%d calls have brought files after %d results", n, i+1)
		}
	}
}
