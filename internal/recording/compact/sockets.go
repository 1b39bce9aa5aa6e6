package main

import (
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/settee/settee/internal/recording"
)

// readSockets reads ws.jsonl, which is the socket "main", and ws-NAME.jsonl.
func readSockets(dir string, c *recording.Case) error {
	for _, client := range c.Clients {
		path := filepath.Join(dir, "ws-"+client.Socket+".jsonl")
		if client.Socket == "main" {
			path = filepath.Join(dir, "ws.jsonl")
		}
		raw, err := maybePacked(path)
		if err != nil {
			return err
		}
		socket := recording.Socket{Name: client.Socket}
		for line := range strings.Lines(string(raw)) {
			f, err := readFrame(dir, line)
			if err != nil {
				return err
			}
			socket.Frames = append(socket.Frames, f)
		}
		c.Sockets = append(c.Sockets, socket)
	}
	return nil
}

func maybePacked(path string) ([]byte, error) {
	raw, err := os.ReadFile(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return raw, err
	}
	file, err := os.Open(path + ".gz")
	if err != nil {
		return nil, err
	}
	defer file.Close()
	z, err := gzip.NewReader(file)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(z)
}

func readFrame(dir, line string) (recording.Frame, error) {
	var x struct {
		T      float64
		Text   json.RawMessage
		Binary *struct {
			Type   int
			Header string `json:"header_hex"`
			SHA256 string
			Size   int `json:"bytes"`
			File   string
		}
	}
	if err := json.Unmarshal([]byte(line), &x); err != nil {
		return recording.Frame{}, err
	}
	f := recording.Frame{T: x.T}
	if x.Text != nil {
		f.Text, _ = untraced(x.Text)
	}
	if b := x.Binary; b != nil {
		f.Binary = &recording.Binary{Type: b.Type, Header: b.Header, SHA256: b.SHA256, Size: b.Size}
		if b.Type == 3 {
			raw, err := os.ReadFile(filepath.Join(dir, b.File))
			if err != nil {
				return f, err
			}
			f.Binary.Text = string(raw[len(b.Header)/2:])
		}
	}
	return f, nil
}
