package node

import (
	"bytes"
	"encoding/json"
	"errors"
	"path"
	"strconv"
	"strings"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/engine"
	"github.com/settee/settee/internal/engine/native/pixel"
	"github.com/settee/settee/internal/engine/native/png"
)

// saves write pictures into files (protocol note 4.7 and 4.8).
var saves = []Class{
	{
		Name: "SaveImage", Display: "Save Image", Category: "image", Module: "nodes", Function: "save_images",
		About: "Writes the images into your output files.",
		Inputs: []Input{
			input("images", "IMAGE", `"tooltip":"What to write."`),
			input("filename_prefix", "STRING", `"default":"ComfyUI","tooltip":"How the files' names begin. A slash makes a folder; %width%, %height%, %year%, %month%, %day%, %hour%, %minute%, %second% and %batch_num% are filled in."`),
		},
		Hidden: metadata, OutputNode: true,
		Run: func(c *Call) ([]Value, error) {
			prefix := "ComfyUI"
			if c.Has("filename_prefix") {
				prefix = c.String("filename_prefix")
			}
			return nil, c.save(c.Image("images"), settee.Output, prefix, smallFile)
		},
	},
	{
		Name: "PreviewImage", Display: "Preview Image", Category: "image", Module: "nodes", Function: "save_images",
		About:  "Shows the images without keeping them.",
		Inputs: []Input{input("images", "IMAGE")},
		Hidden: metadata, OutputNode: true,
		Run: func(c *Call) ([]Value, error) {
			return nil, c.save(c.Image("images"), settee.Temp, c.temporary(), quickFile)
		},
	},
	{
		Name: "MaskPreview", Display: "MaskPreview", Category: "mask", Module: "comfy_extras.nodes_mask",
		About:  "Shows a mask as a grey image.",
		Inputs: []Input{input("mask", "MASK")},
		Hidden: metadata, OutputNode: true,
		Run: func(c *Call) ([]Value, error) {
			m, err := c.Grey(c.Mask("mask"))
			if err != nil {
				return nil, err
			}
			return nil, c.save(m, settee.Temp, c.temporary(), smallFile)
		},
	},
	{
		Name: "SaveImageWebsocket", Display: "SaveImageWebsocket", Category: "api/image", Module: "custom_nodes.websocket_image_save", Function: "save_images",
		Inputs:     []Input{input("images", "IMAGE")},
		OutputNode: true, Always: true,
		Run: func(c *Call) ([]Value, error) {
			m := c.Image("images")
			for i := range m.N {
				file, err := c.encode(m.Frame(i), nil, smallFile)
				if err != nil {
					return nil, err
				}
				if err := c.Show(float64(i), float64(m.N), file); err != nil {
					return nil, err
				}
			}
			return nil, nil
		},
	},
}

// How hard PNG files are packed: about zlib's levels 4 and 1.
const (
	smallFile = 5
	quickFile = 1
)

// temporary is the prefix of names that last as long as the node does.
func (c *Call) temporary() string { return "ComfyUI_temp_" + c.Letters() }

// save writes each picture of a batch as a PNG file and shows it.
func (c *Call) save(m *pixel.Image, kind settee.FileType, prefix string, level int) error {
	if m.N == 0 {
		return Raise("IndexError", "index 0 is out of bounds for dimension 0 with size 0")
	}
	folder, name, err := c.place(kind, prefix, m.W, m.H)
	if err != nil {
		return err
	}
	if m.C != 3 && m.C != 4 {
		return Raise("TypeError", "Cannot handle this data type: (1, 1, %d), |u1", m.C)
	}
	if m.W == 0 || m.H == 0 {
		return Raise("SystemError", "tile cannot extend outside image")
	}
	if err := c.take(int64(m.W) * int64(m.H) * int64(m.C)); err != nil {
		return err
	}
	text, err := c.Metadata()
	if err != nil {
		return err
	}
	for i := range m.N {
		file, err := c.encode(m.Frame(i), text, level)
		if err != nil {
			return err
		}
		kept, err := c.Put(bytes.NewReader(file))
		if err != nil {
			return err
		}
		f := &engine.NewFile{Bytes: kept, Type: kind, Subfolder: folder, Prefix: name, Suffix: "_.png", MIME: "image/png"}
		if strings.Contains(name, "%batch_num%") { // the folder is looked through for the token itself: always number 1
			n := strconv.Itoa(i + 1)
			f.Name = strings.ReplaceAll(name, "%batch_num%", strconv.Itoa(i)) + "_" + strings.Repeat("0", max(0, 5-len(n))) + n + "_.png"
		}
		c.AddUI("images", engine.Entry{New: f})
	}
	return nil
}

func (c *Call) take(bytes int64) error {
	if c.Take == nil {
		return nil
	}
	return c.Take(bytes)
}

// longestName is how many bytes of a name fit beside a counter and the ending
// in what file systems take.
const longestName = 255 - len("_00001_.png")

// place fills in the tokens of a prefix and splits it into folder and name. A
// folder outside the type's own is refused.
func (c *Call) place(kind settee.FileType, prefix string, width, height int) (folder, name string, err error) {
	if strings.Contains(prefix, "%") {
		now := c.Now().Local()
		prefix = strings.NewReplacer(
			"%width%", strconv.Itoa(width), "%height%", strconv.Itoa(height),
			"%year%", now.Format("2006"), "%month%", now.Format("01"), "%day%", now.Format("02"),
			"%hour%", now.Format("15"), "%minute%", now.Format("04"), "%second%", now.Format("05"),
		).Replace(prefix)
	}
	if strings.ContainsRune(prefix, 0) {
		return "", "", Raise("ValueError", "embedded null byte")
	}
	clean := path.Clean(prefix)
	folder, name = path.Split(clean)
	root := "/" + string(kind)
	full := path.Join(root, folder)
	if strings.HasPrefix(folder, "/") {
		full = path.Clean(folder)
	}
	inside, ok := strings.CutPrefix(full+"/", root+"/")
	if !ok {
		common := "/"
		return "", "", Raise("Exception", "**** ERROR: Saving image outside the output folder is not allowed.\n full_output_folder: %s\n         output_dir: %s\n         commonpath: %s", full, root, common)
	}
	if len(name) > longestName {
		return "", "", Raise("OSError", "[Errno 36] File name too long: '%s_00001_.png'", name)
	}
	return strings.TrimSuffix(inside, "/"), name, nil
}

// encode makes a PNG file of one picture: a channel is cut to 0…1, times 255,
// its fraction dropped.
func (c *Call) encode(m *pixel.Image, text []Metadata, level int) ([]byte, error) {
	p := png.Picture{
		Width: m.W, Height: m.H, Channels: m.C, Level: level,
		Row: func(y int, dst []byte) {
			for i, v := range m.Row(0, y) {
				dst[i] = eightBits(v)
			}
		},
	}
	for _, t := range text {
		p.Text = append(p.Text, png.Text{Key: t.Key, Text: t.Text})
	}
	file, err := png.Encode(c.context(), p)
	if errors.Is(err, png.ErrEncoding) {
		return nil, Raise("UnicodeEncodeError", "'latin-1' codec can't encode characters of a key of extra_pnginfo")
	}
	return file, err
}

func eightBits(v float32) byte {
	v *= 255
	switch {
	case v >= 255:
		return 255
	case v > 0:
		return byte(v)
	}
	return 0
}

// textEntry is a string as an element of a ui list.
func textEntry(s string) engine.Entry {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err) // every string can be written
	}
	return engine.Entry{JSON: b}
}
