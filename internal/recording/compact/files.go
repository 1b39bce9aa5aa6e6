package main

import (
	"encoding/binary"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/settee/settee/internal/recording"
)

// readFolders reads the files that lay there before: inputs/ and preset/.
// Films, sounds and latents are left out.
func readFolders(dir string, c *recording.Case) error {
	for name, at := range map[string]*[]recording.File{"inputs": &c.Inputs, "preset": &c.Presets} {
		root := filepath.Join(dir, name)
		if !exists(root) {
			continue
		}
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			switch filepath.Ext(path) {
			case ".mp4", ".wav", ".latent":
				return nil
			}
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			rel := strings.TrimPrefix(filepath.ToSlash(path), filepath.ToSlash(root)+"/")
			*at = append(*at, recording.File{Path: rel, Data: data})
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// made is a row of outputs.json.
type made struct {
	Prompt      int
	Node        string
	Key         string
	Filename    string
	Subfolder   string
	Type        string
	Path        string
	ContentType string `json:"content_type"`
	Bytes       int
	SHA256      string
	Image       *struct {
		Mode   string
		Size   [2]int
		Pixels string   `json:"pixels_sha256"`
		Frames []string `json:"frame_pixels_sha256"`
	}
	Chunks []struct {
		Type    string
		Bytes   int
		Keyword string
		Text    string `json:"text_sha256"`
	} `json:"png_chunks"`
	Tensors json.RawMessage
	Streams json.RawMessage
}

func readOutputs(dir string, c *recording.Case) error {
	raw, err := os.ReadFile(filepath.Join(dir, "outputs.json"))
	if err != nil {
		return err
	}
	var rows []made
	if err := json.Unmarshal(raw, &rows); err != nil {
		return err
	}
	for _, m := range rows {
		o := recording.Output{
			Prompt: m.Prompt, Node: m.Node, Key: m.Key, Filename: m.Filename, Subfolder: m.Subfolder,
			Type: m.Type, MIME: m.ContentType, Size: m.Bytes, SHA256: m.SHA256,
			Detail: recording.Bytes(m.Streams),
		}
		if m.Tensors != nil {
			o.Detail = recording.Bytes(m.Tensors)
		}
		if m.Image != nil {
			o.Mode, o.Width, o.Height = m.Image.Mode, m.Image.Size[0], m.Image.Size[1]
			o.Pixels, o.Frames = m.Image.Pixels, m.Image.Frames
		}
		for _, k := range m.Chunks {
			o.Chunks = append(o.Chunks, recording.Chunk{Type: k.Type, Size: k.Bytes, Keyword: k.Keyword, SHA256: k.Text})
		}
		if m.Chunks != nil && c.Within >= 0 {
			picture, err := os.ReadFile(filepath.Join(dir, m.Path))
			if err != nil {
				return err
			}
			o.PNG = bare(picture)
		}
		c.Outputs = append(c.Outputs, o)
	}
	return nil
}

// bare is a PNG with the chunks that make pixels and no others.
func bare(file []byte) []byte {
	out := append([]byte(nil), file[:8]...)
	for i := 8; i+12 <= len(file); {
		end := i + 12 + int(binary.BigEndian.Uint32(file[i:]))
		switch string(file[i+4 : i+8]) {
		case "IHDR", "PLTE", "tRNS", "IDAT", "IEND":
			out = append(out, file[i:end]...)
		}
		i = end
	}
	return out
}
