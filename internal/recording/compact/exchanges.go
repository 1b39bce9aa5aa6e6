package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/settee/settee/internal/recording"
)

// readExchanges reads one exchange a file, by name.
func readExchanges(dir string) ([]recording.Exchange, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		return nil, err
	}
	var all []recording.Exchange
	for _, path := range paths {
		raw, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		x, err := readExchange(string(raw))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		x.Name = strings.TrimSuffix(filepath.Base(path), ".json")
		all = append(all, x)
	}
	return all, nil
}

func readExchange(raw string) (recording.Exchange, error) {
	var x recording.Exchange
	f, err := fields(raw)
	if err != nil {
		return x, err
	}
	if x.Request, err = readRequest(f["request"]); err != nil {
		return x, err
	}
	cut := false
	for key, value := range f {
		switch key {
		case "request", "content_type":
		case "status":
			err = json.Unmarshal([]byte(value), &x.Status)
		case "headers":
			err = json.Unmarshal([]byte(value), &x.Header)
		case "body":
			x.Body, cut = untraced([]byte(squeeze(value)))
		case "body_text":
			var s string
			err = json.Unmarshal([]byte(value), &s)
			x.Body = recording.Bytes(s)
		case "body_base64":
			x.Body, err = unbase64(value)
		case "body_sha256":
			err = json.Unmarshal([]byte(value), &x.SHA256)
		case "body_bytes":
			err = json.Unmarshal([]byte(value), &x.Size)
		case "worker_alive_after":
			err = json.Unmarshal([]byte(value), &x.Alive)
		case "process_ended":
			err = json.Unmarshal([]byte(value), &x.Ended)
		case "history_after":
			x.History, _ = untraced([]byte(squeeze(value)))
		case "queue_after":
			x.Queue = recording.Bytes(squeeze(value))
		default:
			err = fmt.Errorf("unknown key %q", key)
		}
		if err != nil {
			return x, err
		}
	}
	if cut {
		delete(x.Header, "Content-Length")
	}
	return x, nil
}

func readRequest(raw string) (recording.Request, error) {
	var r recording.Request
	f, err := fields(raw)
	if err != nil {
		return r, err
	}
	for key, value := range f {
		switch key {
		case "method":
			err = json.Unmarshal([]byte(value), &r.Method)
		case "path":
			err = json.Unmarshal([]byte(value), &r.Path)
		case "headers":
			err = json.Unmarshal([]byte(value), &r.Header)
		case "json":
			r.Sent = recording.Bytes(squeeze(value))
		case "text":
			var s string
			err = json.Unmarshal([]byte(value), &s)
			r.Sent = recording.Bytes(s)
		case "base64":
			r.Sent, err = unbase64(value)
		case "multipart":
			r.Parts, err = readParts(value)
		default:
			err = fmt.Errorf("unknown key %q of a request", key)
		}
		if err != nil {
			return r, err
		}
	}
	return r, nil
}

func readParts(raw string) ([]recording.Part, error) {
	var written []struct {
		Name     string  `json:"name"`
		Filename *string `json:"filename"`
		Content  string  `json:"content"`
	}
	if err := json.Unmarshal([]byte(raw), &written); err != nil {
		return nil, err
	}
	parts := make([]recording.Part, len(written))
	for i, w := range written {
		parts[i] = recording.Part{Name: w.Name, Content: w.Content, File: w.Filename != nil}
		if w.Filename != nil {
			parts[i].Filename = *w.Filename
		}
	}
	return parts, nil
}

func unbase64(value string) (recording.Bytes, error) {
	return base64.StdEncoding.DecodeString(strings.Trim(value, `"`))
}

// row is an answer of a GET route that has no case.
type row struct {
	Name string          `json:"name"`
	Body recording.Bytes `json:"body"`
}

// readAnswers reads the small answers beside the folders.
func readAnswers(dir string) ([]row, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		return nil, err
	}
	var all []row
	for _, path := range paths {
		name := strings.TrimSuffix(filepath.Base(path), ".json")
		if strings.HasPrefix(name, "object_info") {
			continue
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		all = append(all, row{name, recording.Bytes(squeeze(string(raw)))})
	}
	return all, nil
}
