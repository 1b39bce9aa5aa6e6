package comfyui_test

import (
	"bytes"
	"context"
	"io"
	"testing"

	"github.com/google/uuid"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/engine"
	"github.com/settee/settee/internal/engine/comfyui"
	"github.com/settee/settee/internal/engine/comfyui/comfyuitest"
)

// reading is a sink that reads what it is given and keeps nothing.
type reading struct{ *memory }

func (reading) Put(_ context.Context, content io.Reader) (engine.Bytes, error) {
	n, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, content, make([]byte, 256<<10))
	return engine.Bytes{Blob: settee.Blob{Hash: "h", Size: n}}, err
}

// BenchmarkJob is a small job from Run to its end, against a server that
// computes nothing.
func BenchmarkJob(b *testing.B) {
	s := comfyuitest.New(b)
	e := comfyui.New(comfyui.Options{URL: s.URL})
	defer e.Close()
	for b.Loop() {
		j := plainJob()
		j.ID = uuid.NewString()
		if err := e.Run(context.Background(), j, newMemory("client-1")); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkCollect brings a file of 64 MiB over /view, through the filters of
// its format.
func BenchmarkCollect(b *testing.B) {
	for _, name := range []string{"v_00001_.mkv", "v_00001_.mp4", "v_00001_.png"} {
		b.Run(name, func(b *testing.B) {
			s := comfyuitest.New(b)
			content := append(comfyuitest.Picture("{}"), bytes.Repeat([]byte("0123456789abcdef"), 4<<20)...)
			s.Write(comfyuitest.File{Type: "output", Filename: name}, content)
			s.Run(func(y *comfyuitest.Play) {
				y.Say("execution_start", "")
				y.Send("executing", `{"node": "2", "prompt_id": "`+y.ID()+`"}`)
				y.Show("2", `{"video": [{"filename": "`+name+`", "subfolder": "", "type": "output"}]}`, "2")
				y.Say("execution_success", "")
			})
			e := comfyui.New(comfyui.Options{URL: s.URL})
			defer e.Close()
			b.SetBytes(int64(len(content)))
			for b.Loop() {
				j := plainJob()
				j.ID = uuid.NewString()
				if err := e.Run(context.Background(), j, reading{newMemory("client-1")}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
