package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image/png"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/settee/settee/test/process"
)

// client asks as a script would: one socket, one HTTP connection.
type client struct {
	base, key, id string
	view          string // path of a picture's bytes
	socket        *websocket.Conn
}

func newClient(b *testing.B, base, key string) *client {
	b.Helper()
	c := &client{base: base, key: key, id: fmt.Sprint("bench-", time.Now().UnixNano()), view: "/api/view"}
	socket, res, err := websocket.Dial(b.Context(), strings.Replace(base, "http", "ws", 1)+"/ws?clientId="+c.id,
		&websocket.DialOptions{HTTPHeader: http.Header{"X-API-Key": {key}}})
	if err != nil {
		b.Fatal(err)
	}
	if res.Body != nil {
		res.Body.Close()
	}
	socket.SetReadLimit(1 << 24)
	b.Cleanup(func() { socket.CloseNow() })
	if err := socket.Write(b.Context(), websocket.MessageText, []byte(`{}`)); err != nil { // no editor: hears everything
		b.Fatal(err)
	}
	c.socket = socket
	return c
}

// message is what a socket hears, as far as it matters here.
type message struct {
	Type string `json:"type"`
	Data struct {
		PromptID string `json:"prompt_id"`
		Output   struct {
			Images []struct {
				Filename, Subfolder, Type string
			} `json:"images"`
		} `json:"output"`
	} `json:"data"`
}

func (c *client) next(ctx context.Context) (m message, err error) {
	for {
		kind, text, err := c.socket.Read(ctx)
		if err != nil {
			return m, err
		}
		if kind == websocket.MessageText {
			return m, json.Unmarshal(text, &m)
		}
	}
}

func (c *client) ask(ctx context.Context, method, path string, body []byte) ([]byte, error) {
	q, err := http.NewRequestWithContext(ctx, method, c.base+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	q.Header.Set("X-API-Key", c.key)
	res, err := http.DefaultClient.Do(q)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("status %d: %s", res.StatusCode, answer)
	}
	return answer, err
}

// trip is how long one trivial job took.
type trip struct{ submitted, ended, fetched time.Duration }

// run submits a picture of a colour, waits for its end, and holds its bytes.
// wrong says what was not right about them.
func (c *client) run(ctx context.Context, color int) (t trip, wrong, err error) {
	return c.submit(ctx, prompt(color, c.id), color)
}

// submit is run with a body that asks for such a picture.
func (c *client) submit(ctx context.Context, body []byte, color int) (t trip, wrong, err error) {
	began := time.Now()
	answer, err := c.ask(ctx, http.MethodPost, "/api/prompt", body)
	if err != nil {
		return t, nil, err
	}
	t.submitted = time.Since(began)
	var receipt struct {
		ID string `json:"prompt_id"`
	}
	if err := json.Unmarshal(answer, &receipt); err != nil {
		return t, nil, err
	}
	var images []string
	for {
		m, err := c.next(ctx)
		if err != nil {
			return t, nil, err
		}
		if m.Data.PromptID != receipt.ID {
			continue
		}
		if m.Type == "executed" {
			for _, i := range m.Data.Output.Images {
				images = append(images, c.view+"?filename="+url.QueryEscape(i.Filename)+"&subfolder="+url.QueryEscape(i.Subfolder)+"&type="+i.Type)
			}
		}
		if m.Type == "execution_error" || m.Type == "execution_interrupted" {
			return t, fmt.Errorf("the job ended with %s", m.Type), nil
		}
		if m.Type == "execution_success" {
			break
		}
	}
	t.ended = time.Since(began)
	if len(images) != 1 {
		return t, fmt.Errorf("%d pictures", len(images)), nil
	}
	file, err := c.ask(ctx, http.MethodGet, images[0], nil)
	if err != nil {
		return t, err, nil
	}
	t.fetched = time.Since(began)
	return t, check(file, color), nil
}

func check(file []byte, color int) error {
	picture, err := png.Decode(bytes.NewReader(file))
	if err != nil {
		return err
	}
	r, g, blue, _ := picture.At(63, 63).RGBA()
	if got := int(r>>8)<<16 | int(g>>8)<<8 | int(blue>>8); got != color || picture.Bounds().Dx() != 64 {
		return fmt.Errorf("a picture of colour %06x, want %06x", got, color)
	}
	return nil
}

// trips runs n trivial jobs one after another and is what they took, and how
// many were wrong.
func trips(b *testing.B, c *client, first, n int) (all []trip, wrong int) {
	b.Helper()
	for i := range n {
		t, bad, err := c.run(b.Context(), first+i)
		if err != nil {
			b.Fatal(err)
		}
		if bad != nil {
			wrong++
			b.Log(bad)
		}
		all = append(all, t)
	}
	return all, wrong
}

func fetched(all []trip) (d []time.Duration) {
	for _, t := range all {
		d = append(d, t.fetched)
	}
	return d
}

// syncs is how long the disk alone needs for one trivial job: three commits to a
// log, of the submit and the claim, of the output with its file, and of the ending.
func syncs(b *testing.B, log *os.File) time.Duration {
	b.Helper()
	began := time.Now()
	for range 3 {
		_, err := log.Write(make([]byte, 40<<10))
		if err = errors.Join(err, log.Sync()); err != nil {
			b.Fatal(err)
		}
	}
	return time.Since(began)
}

// BenchmarkTrivial is 1,000 trivial jobs, one after another: from the submit
// to the bytes in hand.
func BenchmarkTrivial(b *testing.B) {
	s := house(b)
	c := newClient(b, s.URL, process.Key)
	trips(b, c, 1, 20) // warm
	before := processor(s.PID())
	var all []trip
	var bare []time.Duration
	log, err := os.Create(filepath.Join(b.TempDir(), "log"))
	if err != nil {
		b.Fatal(err)
	}
	defer log.Close()
	wrong := 0
	for n := range 4 {
		some, bad := trips(b, c, 1000+250*n, 250)
		all, wrong = append(all, some...), wrong+bad
		for range 50 {
			bare = append(bare, syncs(b, log))
		}
	}
	b.ReportMetric(ms(processor(s.PID())-before)/1000, "cpu-ms/job")
	var submitted, ended []time.Duration
	for _, t := range all {
		submitted, ended = append(submitted, t.submitted), append(ended, t.ended)
	}
	note("what its syncs alone take (three commits), p50", ms(percentile(bare, .5)), " ms")
	note("trivial job: submitted, p50", ms(percentile(submitted, .5)), " ms")
	note("trivial job: execution_success heard, p50", ms(percentile(ended, .5)), " ms")
	bound("trivial job: bytes in hand, p50 (bare ComfyUI: 6.4 ms)", ms(percentile(fetched(all), .5)), " ms", 5, false)
	bound("trivial job: bytes in hand, p95", ms(percentile(fetched(all), .95)), " ms", 10, false)
	bound("trivial job: wrong of 1,000", float64(wrong), "", 0, false)
	for stage, took := range stages(b, s.URL) {
		b.ReportMetric(took, stage+"-ms")
	}
}
