package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/settee/settee/internal/recording"
)

// readCases reads one case a folder, by name.
func readCases(dir string) ([]recording.Case, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var all []recording.Case
	for _, e := range entries {
		c, err := readCase(filepath.Join(dir, e.Name()))
		if err != nil {
			return nil, fmt.Errorf("case %s: %w", e.Name(), err)
		}
		all = append(all, c)
	}
	return all, nil
}

func readCase(dir string) (recording.Case, error) {
	c := recording.Case{Name: filepath.Base(dir)}
	steps := []func(string, *recording.Case) error{
		readSheet, readPrompts, readSockets, readSteps, readQueues, readFolders, readOutputs,
	}
	for _, step := range steps {
		if err := step(dir, &c); err != nil {
			return c, err
		}
	}
	return c, nil
}

// readSheet reads case.yaml: "key: JSON", or "key:" and "  - JSON" rows.
func readSheet(dir string, c *recording.Case) error {
	raw, err := os.ReadFile(filepath.Join(dir, "case.yaml"))
	if err != nil {
		return err
	}
	key := ""
	for line := range strings.Lines(string(raw)) {
		line = strings.TrimRight(line, "\n")
		value, item := strings.CutPrefix(line, "  - ")
		if !item {
			key, value, _ = strings.Cut(line, ":")
			if value = strings.TrimSpace(value); value == "" {
				continue
			}
		}
		if err := sheetField(c, key, []byte(value)); err != nil {
			return fmt.Errorf("case.yaml: %s: %w", key, err)
		}
	}
	c.Within = -1
	if c.Compare == "pixels" {
		c.Within = 0
	} else if n, ok := strings.CutPrefix(c.Compare, "pixels within "); ok {
		c.Within, err = strconv.Atoi(n)
	}
	return err
}

func sheetField(c *recording.Case, key string, value []byte) error {
	switch key {
	case "title":
		return json.Unmarshal(value, &c.Title)
	case "nodes":
		return json.Unmarshal(value, &c.Nodes)
	case "outputs_compare":
		return json.Unmarshal(value, &c.Compare)
	case "required":
		return json.Unmarshal(value, &c.Required)
	case "same_pixels_when_run_again":
		return json.Unmarshal(value, &c.Again)
	case "tags":
		return json.Unmarshal(value, &c.Tags)
	case "server_flags":
		return json.Unmarshal(value, &c.Flags)
	case "notes":
		return json.Unmarshal(value, &c.Notes)
	case "client":
		var x struct {
			Socket   string          `json:"socket"`
			ClientID string          `json:"client_id"`
			Features json.RawMessage `json:"feature_flags"`
		}
		if err := json.Unmarshal(value, &x); err != nil {
			return err
		}
		client := recording.Client{Socket: x.Socket, ClientID: x.ClientID}
		if string(x.Features) != "null" {
			client.Features = recording.Bytes(x.Features)
		}
		c.Clients = append(c.Clients, client)
	case "outcome":
		var x struct {
			Last string `json:"last"`
		}
		if err := json.Unmarshal(value, &x); err != nil {
			return err
		}
		c.Prompts = append(c.Prompts, recording.Prompt{Last: x.Last})
	}
	return nil
}

// numbered is "history.json" for the first prompt, "history-2.json" for the
// second.
func numbered(dir, name string, i int) string {
	if i > 0 {
		ext := filepath.Ext(name)
		name = fmt.Sprintf("%s-%d%s", strings.TrimSuffix(name, ext), i+1, ext)
	}
	return filepath.Join(dir, name)
}

func readPrompts(dir string, c *recording.Case) error {
	for i := range c.Prompts {
		p := &c.Prompts[i]
		var err error
		if p.Request, err = os.ReadFile(numbered(dir, "request.json", i)); err != nil {
			return err
		}
		response, err := os.ReadFile(numbered(dir, "response.json", i))
		if err != nil {
			return err
		}
		p.Response, _ = untraced(bytes.TrimSpace(response))
		status, err := os.ReadFile(numbered(dir, "response.status", i))
		if err != nil {
			return err
		}
		if p.Status, err = atoi(status); err != nil {
			return err
		}
		history, err := os.ReadFile(numbered(dir, "history.json", i))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if err == nil {
			p.History, _ = untraced(bytes.TrimSpace(history))
		}
	}
	if extra := numbered(dir, "request.json", len(c.Prompts)); exists(extra) {
		return fmt.Errorf("%s has no outcome", extra)
	}
	return nil
}

func atoi(raw []byte) (n int, err error) {
	_, err = fmt.Sscanf(string(raw), "%d", &n)
	return n, err
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func readQueues(dir string, c *recording.Case) error {
	for name, at := range map[string]*recording.Bytes{"queue-before.json": &c.Before, "queue-after.json": &c.After} {
		raw, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if err == nil {
			*at = bytes.TrimSpace(raw)
		}
	}
	return nil
}

func readSteps(dir string, c *recording.Case) error {
	raw, err := os.ReadFile(filepath.Join(dir, "http.jsonl"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	submitted := 0
	for line := range strings.Lines(string(raw)) {
		f, err := fields(line)
		if err != nil {
			return err
		}
		var s recording.Step
		for key, at := range map[string]any{"t": &s.T, "answered": &s.Answered, "method": &s.Method, "path": &s.Path, "status": &s.Status} {
			if err := json.Unmarshal([]byte(f[key]), at); err != nil {
				return fmt.Errorf("http.jsonl: %s: %w", key, err)
			}
		}
		if v, ok := f["request"]; ok {
			s.Request = recording.Bytes(v)
		}
		if v := f["response"]; v != "null" {
			s.Response, _ = untraced([]byte(v))
		}
		if s.Method == "POST" && strings.HasSuffix(s.Path, "/prompt") {
			submitted++
			s.Prompt = submitted
			s.Request = nil
		}
		c.Steps = append(c.Steps, s)
	}
	return nil
}
