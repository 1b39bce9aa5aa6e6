package comfyuitest

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/settee/settee/internal/pyjson"
)

// node runs one node; false ends the prompt.
func (y *Play) node(id string, n pyjson.Value) (ui string, ok bool) {
	class, in := n.Get("class_type").Text(), n.Get("inputs")
	select {
	case <-y.p.stop:
		if !in.Get("stubborn").Truthy() {
			y.Interrupted(id, class)
			return "", false
		}
	default:
	}
	y.Progress(id, "running", "0.0", "1.0")
	y.Send("executing", fmt.Sprintf(`{"node": %[1]s, "display_node": %[1]s, "prompt_id": %[2]s}`, quote(id), quote(y.p.id)))
	ui = "null"
	switch class {
	case "FakeWait":
		y.s.mu.Lock()
		gate := y.s.gate(in.Get("name").Text())
		y.s.mu.Unlock()
		stop := y.p.stop
		if in.Get("stubborn").Truthy() {
			stop = nil
		}
		select {
		case <-gate:
		case <-stop:
			y.Interrupted(id, class)
			return "", false
		}
	case "FakeRaise":
		if times := in.Get("times"); times.Kind != pyjson.Absent && y.Number > int(times.Big().Int64()) {
			break
		}
		if unless := in.Get("unless").Text(); unless != "" {
			if _, err := os.Stat(unless); err == nil {
				break
			}
			if err := os.WriteFile(unless, nil, 0o644); err != nil {
				panic(err)
			}
		}
		graph := pyjson.Of(string(y.p.graph))
		y.Raise(id, class, in.Get("kind").Text(), in.Get("text").Text(),
			`{"text": [`+quote(in.Get("text").Text())+`], "prompt": [`+quote(pyjson.Repr(graph))+`], "auth_token": [`+quote(pyjson.Of(string(y.p.extra)).Get("auth_token_comfy_org").Text())+`]}`)
		return "", false
	case "FakeBlocked":
		y.Send("execution_error", fmt.Sprintf(`{"prompt_id": %s, "node_id": %s, "node_type": "FakeBlocked", "executed": [], "exception_message": "Execution Blocked: no", "exception_type": "ExecutionBlocked", "traceback": [], "current_inputs": [], "current_outputs": []}`, quote(y.p.id), quote(id)))
	case "FakeProgress":
		y.steps(id, int(in.Get("steps").Big().Int64()))
	case "FakeText", "FakeSilent":
		ui = `{"text": [` + quote(in.Get("text").Text()) + `]}`
	case "FakeFile":
		f := File{in.Get("type").Text(), in.Get("subfolder").Text(), in.Get("name").Text()}
		if f.Type == "" {
			f.Type = "output"
		}
		if y.full(id, class) {
			return "", false
		}
		if f.Type != "input" {
			y.s.Write(f, []byte(in.Get("content").Text()))
		}
		ui = fmt.Sprintf(`{%s: [{"filename": %s, "subfolder": %s, "type": %s, "format": "x/y"}]}`, quote(in.Get("key").Text()), quote(f.Filename), quote(f.Subfolder), quote(f.Type))
	case "FakeSleep":
		select {
		case <-time.After(time.Duration(in.Get("seconds").Float() * float64(time.Second))):
		case <-y.p.stop:
			y.Interrupted(id, class)
			return "", false
		}
	case "FakeVideo":
		f := File{Type: "output", Filename: fmt.Sprintf("video_%05d.mkv", y.Number)}
		y.s.WritePattern(f, Pattern{Seed: in.Get("seed").Big().Uint64(), Size: in.Get("size").Big().Int64()})
		ui = fmt.Sprintf(`{"gifs": [{"filename": %s, "subfolder": "", "type": "output"}]}`, quote(f.Filename))
	case "FakeDie":
		if y.s.mortal {
			os.Exit(3)
		}
	case "FakeMachine":
		said, err := meet(in.Get("meet").Text(), int(in.Get("number").Big().Int64()), y.p.stop)
		if err != nil {
			y.Raise(id, class, "RuntimeError", err.Error(), "{}")
			return "", false
		}
		ui = `{"text": [` + quote(said) + `]}`
	case "SaveImage", "PreviewImage":
		if y.full(id, class) {
			return "", false
		}
		ui = y.picture(id, class, in)
		select { // a real one takes most of a short prompt here and in what comes before
		case <-time.After(y.s.pace - time.Since(y.began)):
		case <-y.s.stop:
		}
	}
	if ui != "null" {
		y.Show(id, ui, id)
	}
	y.Progress(id, "finished", "1.0", "1.0")
	return ui, true
}

// full ends the prompt as a write to a full disk does.
func (y *Play) full(id, class string) bool {
	y.s.mu.Lock()
	full := y.s.faults.DiskFull
	y.s.mu.Unlock()
	if full {
		y.Raise(id, class, "OSError", "[Errno 28] No space left on device", "{}")
	}
	return full
}

// meet waits until so many processes have come to a folder, and tells what this
// one was started with, there and in its output.
func meet(place string, number int, stop <-chan struct{}) (string, error) {
	said := fmt.Sprintf("PID=%d CUDA_VISIBLE_DEVICES=%s %s", os.Getpid(), os.Getenv("CUDA_VISIBLE_DEVICES"), strings.Join(os.Args[1:], " "))
	if err := os.WriteFile(filepath.Join(place, strconv.Itoa(os.Getpid())), []byte(said), 0o644); err != nil {
		return "", err
	}
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		there, err := os.ReadDir(place)
		if err != nil {
			return "", err
		}
		if len(there) >= number {
			return said, nil
		}
		select {
		case <-tick.C:
		case <-stop:
			return "", errors.New("stopped")
		}
	}
}

// steps sends a progress bar with a picture a step (protocol note 2.5).
func (y *Play) steps(id string, n int) {
	for i := 1; i <= n; i++ {
		y.Progress(id, "running", fmt.Sprint(i), fmt.Sprint(n))
		meta := fmt.Sprintf(`{"node_id": %[1]s, "prompt_id": %[2]s, "display_node_id": %[1]s, "parent_node_id": null, "real_node_id": %[1]s, "image_type": "image/jpeg"}`, quote(id), quote(y.p.id))
		frame := binary.BigEndian.AppendUint32(nil, 4)
		frame = binary.BigEndian.AppendUint32(frame, uint32(len(meta)))
		y.SendBinary(append(append(frame, meta...), "\xff\xd8\xff picture"...))
		y.Send("progress", fmt.Sprintf(`{"value": %d, "max": %d, "prompt_id": %s, "node": %s}`, i, n, quote(y.p.id), quote(id)))
	}
}

// picture writes a PNG with the graph in it, under ComfyUI's names.
func (y *Play) picture(id, class string, in pyjson.Value) string {
	f := File{Type: "output"}
	prefix := in.Get("filename_prefix").Text()
	if prefix == "" {
		prefix = "ComfyUI"
	}
	y.s.mu.Lock()
	if class == "PreviewImage" {
		f.Type = "temp"
		if y.s.letters[id] == "" {
			sum := sha256.Sum256([]byte(fmt.Sprint(id, y.epoch, time.Now())))
			y.s.letters[id] = strings.Map(func(r rune) rune { return 'a' + r%16 }, hex.EncodeToString(sum[:])[:5])
		}
		prefix = "ComfyUI_temp_" + y.s.letters[id]
	}
	if i := strings.LastIndexByte(prefix, '/'); i >= 0 {
		f.Subfolder, prefix = prefix[:i], prefix[i+1:]
	}
	for n := 1; ; n++ {
		f.Filename = fmt.Sprintf("%s_%05d_.png", prefix, n)
		if _, ok := y.s.find(f); !ok {
			break
		}
	}
	size, shade := y.source(in.Get("images").Index(0).Text())
	y.s.keep(f, content{data: encode(size, shade, string(pyjson.Dump(pyjson.Of(string(y.p.graph)))))})
	y.s.mu.Unlock()
	return fmt.Sprintf(`{"images": [{"filename": %s, "subfolder": %s, "type": "%s"}]}`, quote(f.Filename), quote(f.Subfolder), f.Type)
}

// source is what an EmptyImage makes: its size and colour.
func (y *Play) source(id string) (image.Point, color.RGBA) {
	size, shade := image.Pt(2, 2), color.RGBA{}
	in := pyjson.Of(string(y.p.graph)).Get(id).Get("inputs")
	if next := in.Get("images"); next.Kind == pyjson.Array { // a node between
		return y.source(next.Index(0).Text())
	}
	if c := in.Get("color"); c.Kind != pyjson.Absent {
		n := uint32(c.Float())
		size = image.Pt(int(in.Get("width").Float()), int(in.Get("height").Float()))
		shade = color.RGBA{uint8(n >> 16), uint8(n >> 8), uint8(n), 255}
	}
	return size, shade
}

// Picture is a small PNG with a text under "prompt".
func Picture(prompt string) []byte { return encode(image.Pt(2, 2), color.RGBA{}, prompt) }

func encode(size image.Point, shade color.RGBA, prompt string) []byte {
	var out bytes.Buffer
	pixels := image.NewRGBA(image.Rectangle{Max: size})
	draw.Draw(pixels, pixels.Rect, image.NewUniform(shade), image.Point{}, draw.Src)
	if err := png.Encode(&out, pixels); err != nil {
		panic(err)
	}
	chunk := append([]byte("tEXtprompt\x00"), prompt...)
	const head = 8 + 25 // signature and IHDR
	b := out.Bytes()
	text := binary.BigEndian.AppendUint32(append([]byte{}, b[:head]...), uint32(len(chunk)-4))
	text = append(text, chunk...)
	text = binary.BigEndian.AppendUint32(text, crc32.ChecksumIEEE(chunk))
	return append(text, b[head:]...)
}
