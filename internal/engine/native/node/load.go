package node

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/engine/native/decode"
)

// loads read pictures from files (protocol note 5.3.2).
var loads = []Class{
	{
		Name: "LoadImage", Display: "Load Image", Category: "image", Module: "nodes", Function: "load_image",
		Inputs:  []Input{fileChoice("image", `"image_upload":true`)},
		Outputs: []Output{out("IMAGE"), out("MASK")},
		Prints:  "image", Run: loadImage,
	},
	{
		Name: "LoadImageMask", Display: "Load Image (as Mask)", Category: "mask", Module: "nodes", Function: "load_image",
		Inputs:  []Input{fileChoice("image", `"image_upload":true`), choice("channel", []string{"alpha", "red", "green", "blue"})},
		Outputs: []Output{out("MASK")},
		Prints:  "image", Run: loadMask,
	},
	{
		Name: "LoadImageOutput", Display: "Load Image (from Outputs)", Category: "image", Module: "nodes", Function: "load_image",
		About: "Reads an image from your output files.", Experimental: true,
		Inputs: []Input{{
			Name: "image", Type: "COMBO", Braces: true, File: true,
			Options: `"image_upload":true,"image_folder":"output","remote":{"route":"/internal/files/output","refresh_button":true,"control_after_refresh":"first"}`,
		}},
		Outputs: []Output{out("IMAGE"), out("MASK")},
		Prints:  "image", Run: loadImage,
	},
}

// fileChoice is a choice among the account's files.
func fileChoice(name string, options ...string) Input {
	in := choice(name, nil, options...)
	in.File = true
	return in
}

// read decodes the file of an input.
func (c *Call) read(input string) (*decode.Picture, error) {
	f, err := c.Open(input)
	if settee.CodeOf(err) == settee.CodeNotFound {
		return nil, Raise("FileNotFoundError", "[Errno 2] No such file or directory: '%s'", where(c.String(input)))
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	size, err := f.Seek(0, io.SeekEnd)
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", input, err)
	}
	if err := c.take(size); err != nil {
		return nil, err
	}
	data := make([]byte, size)
	if _, err := io.ReadFull(f, data); err != nil {
		return nil, fmt.Errorf("read %s: %w", input, err)
	}
	r := decode.Reader{Take: c.take, Check: c.Err}
	p, err := r.Read(data)
	if errors.Is(err, decode.ErrUnknown) {
		return nil, Raise("PIL.UnidentifiedImageError", "cannot identify image file '%s'", where(c.String(input)))
	}
	if err != nil {
		return nil, err
	}
	for i := range p.Frames {
		p.Frames[i] = p.Frames[i].Upright(p.Orientation)
	}
	return p, nil
}

// where is a file's name with its folder, as errors show it.
func where(reference string) string {
	for _, kind := range []settee.FileType{settee.Input, settee.Output, settee.Temp} {
		if name, ok := strings.CutSuffix(reference, " ["+string(kind)+"]"); ok {
			return "/" + string(kind) + "/" + name
		}
	}
	return "/input/" + reference
}

// noMask is the side of the mask of a picture without alpha.
const noMask = 64

func loadImage(c *Call) ([]Value, error) {
	p, err := c.read("image")
	if err != nil {
		return nil, err
	}
	first := p.Frames[0]
	var frames []decode.Frame
	for _, f := range p.Frames {
		if f.Width == first.Width && f.Height == first.Height {
			frames = append(frames, f)
		}
	}
	m, err := c.New(len(frames), first.Height, first.Width, 3)
	if err != nil {
		return nil, err
	}
	width, height := maskSize(first)
	mask, err := c.New(len(frames), height, width, 1)
	if err != nil {
		return nil, err
	}
	for i, f := range frames {
		unit(m.Frame(i).Pix, f.RGB)
		if w, h := maskSize(f); w != width || h != height {
			return nil, Raise("RuntimeError", "Sizes of tensors must match except in dimension 0. Expected size %d but got size %d for tensor number %d in the list.", height, h, i)
		}
		if f.Alpha != nil && !f.Keyed {
			inverse(mask.Frame(i).Pix, f.Alpha)
		}
		if err := c.Err(); err != nil {
			return nil, err
		}
	}
	return []Value{m, mask}, nil
}

func maskSize(f decode.Frame) (width, height int) {
	if f.Alpha == nil || f.Keyed {
		return noMask, noMask
	}
	return f.Width, f.Height
}

func loadMask(c *Call) ([]Value, error) {
	p, err := c.read("image")
	if err != nil {
		return nil, err
	}
	f := p.Frames[0]
	mask, err := c.New(1, f.Height, f.Width, 1)
	if err != nil {
		return nil, err
	}
	switch channel := c.String("channel"); channel {
	case "alpha":
		if f.Alpha != nil {
			inverse(mask.Pix, f.Alpha)
		}
	case "red", "green", "blue":
		at := strings.Index("rgb", channel[:1])
		for i := range mask.Pix {
			mask.Pix[i] = float32(f.RGB[3*i+at]) / 255
		}
	default:
		return nil, Raise("ValueError", "'%s' is not in list", channel)
	}
	return one(mask, nil)
}

// unit makes 0…1 of bytes.
func unit(out []float32, in []byte) {
	for i, v := range in {
		out[i] = units[v]
	}
}

func inverse(out []float32, in []byte) {
	for i, v := range in {
		out[i] = 1 - units[v]
	}
}

var units = func() (t [256]float32) {
	for i := range t {
		t[i] = float32(i) / 255
	}
	return t
}()
