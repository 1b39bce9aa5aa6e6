package v1_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/settee/settee/internal/recording"
)

func TestSmallAnswers(t *testing.T) {
	h := newHouse(t, false)
	for path, body := range map[string]string{
		"/user":                `{"status":"active","id":"a","name":"name of a","tier":"pro"}`,
		"/users":               `{"storage":"server","migrated":true}`,
		"/features":            `{"supports_preview_metadata":true,"max_upload_size":1048576,"max_concurrent_jobs":5}`,
		"/extensions":          `[]`,
		"/embeddings":          `[]`,
		"/i18n":                `{}`,
		"/node_replacements":   `{}`,
		"/workflow_templates":  `{}`,
		"/global_subgraphs":    `{}`,
		"/models":              `[]`,
		"/experiment/models":   `[]`,
		"/object_info/Unknown": `{}`,
	} {
		h.ask("GET", "/api"+path, "").is(200, body)
		h.ask("GET", path, "").is(200, body)
		a := h.ask("HEAD", path, "")
		if a.status != 200 {
			t.Errorf("HEAD %s: %d", path, a.status)
		}
	}
	for path, body := range map[string]string{
		"/global_subgraphs/x":                  `{"code":"not_found","message":"There is no such subgraph."}`,
		"/models/loras":                        `{"code":"not_found","message":"There is no such model folder."}`,
		"/experiment/models/loras":             `{"code":"not_found","message":"There is no such model folder."}`,
		"/experiment/models/preview/loras/0/x": `{"code":"not_found","message":"There is no such model."}`,
		"/view_metadata/loras?filename=x":      `{"code":"not_found","message":"There is no such model."}`,
	} {
		h.ask("GET", "/api"+path, "").is(404, body)
		h.ask("GET", path, "").is(404, body)
	}
	h.ask("GET", "/api/experiment/models/preview/loras/x/y", "").is(400, `{"code":"invalid_request","message":"The parameter path_index cannot be read."}`)
}

func TestFeaturesWithoutAKey(t *testing.T) {
	h := newHouse(t, false)
	h.send("GET", "/api/features", "").is(200, `{"supports_preview_metadata":true,"max_upload_size":1048576}`)
	h.api.MaxUpload = 0
	h.send("GET", "/api/features", "").is(200, `{"supports_preview_metadata":true,"max_upload_size":104857600}`)
	h.send("GET", "/features", "", "X-API-Key", "wrong").is(401, `{"code":"unauthorized","message":"This key is not known."}`)
}

// An editor whose server answers no system.argv shows no Run button.
func TestSystemStats(t *testing.T) {
	h := newHouse(t, false)
	for _, path := range []string{"/api/system_stats", "/system_stats"} {
		a := h.send("GET", path, "")
		var stats struct {
			System struct {
				OS       string `json:"os"`
				Total    int64  `json:"ram_total"`
				Free     int64  `json:"ram_free"`
				ComfyUI  string `json:"comfyui_version"`
				Python   string `json:"python_version"`
				Torch    string `json:"pytorch_version"`
				Embedded *bool  `json:"embedded_python"`
				Argv     []string
				Required *string `json:"required_frontend_version"`
			}
			Devices json.RawMessage
		}
		a.into(&stats)
		s := stats.System
		if s.OS == "" || s.Free > s.Total || s.ComfyUI == "" || s.Python == "" || s.Torch == "" || s.Embedded == nil || len(s.Argv) == 0 || s.Required != nil ||
			string(stats.Devices) != `[{"name":"cpu","type":"cpu"}]` {
			t.Errorf("got %s", a.body)
		}
	}
}

func TestObjectInfo(t *testing.T) {
	h := newHouse(t, false)
	plain := h.ask("GET", "/object_info", "")
	plain.is(200, string(recording.ObjectInfo()))
	etag := plain.header.Get("ETag")
	if etag == "" || plain.header.Get("Vary") != "Accept-Encoding" || plain.header.Get("Content-Encoding") != "" {
		t.Fatalf("headers %v", plain.header)
	}
	zipped := h.ask("GET", "/api/object_info", "", "X-API-Key", "key-a", "Accept-Encoding", "br, gzip;q=0.5")
	if zipped.header.Get("Content-Encoding") != "gzip" || zipped.header.Get("ETag") == etag || len(zipped.body) >= len(plain.body)/4 {
		t.Fatalf("%d bytes, headers %v", len(zipped.body), zipped.header)
	}
	z, err := gzip.NewReader(strings.NewReader(zipped.body))
	if err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(z); err != nil || !bytes.Equal(text, recording.ObjectInfo()) {
		t.Errorf("unpacked %d bytes, %v", len(text), err)
	}
	for _, header := range [][]string{
		{"If-None-Match", etag},
		{"If-None-Match", `"x", W/` + etag},
		{"If-None-Match", "*"},
		{"If-None-Match", zipped.header.Get("ETag"), "Accept-Encoding", "gzip"},
	} {
		a := h.ask("GET", "/object_info", "", append(header, "X-API-Key", "key-a")...)
		if a.status != http.StatusNotModified || a.body != "" || a.header.Get("ETag") == "" {
			t.Errorf("%q: %d, %d bytes", header, a.status, len(a.body))
		}
	}
	for _, header := range [][]string{
		{"If-None-Match", `"another"`},
		{"Accept-Encoding", "gzip;q=0, br"},
		{"Accept-Encoding", "gzipped"},
	} {
		a := h.ask("GET", "/object_info", "", append(header, "X-API-Key", "key-a")...)
		if a.status != 200 || a.body != plain.body {
			t.Errorf("%q: %d, %d bytes", header, a.status, len(a.body))
		}
	}
	h.ask("GET", "/object_info/Odd%2FClass", "").is(200, `{"Odd/Class": {"max": null}}`)
}

func TestPageAndHealth(t *testing.T) {
	h := newHouse(t, false)
	a := h.send("GET", "/", "")
	if a.status != 200 || a.header.Get("Content-Type") != "text/html; charset=utf-8" || !strings.Contains(a.body, "<h1>Settee</h1>") {
		t.Errorf("got %d %v %s", a.status, a.header, a.body)
	}
	h.send("GET", "/healthz", "").is(200, `{"status":"ok"}`)
	h.send("GET", "/readyz", "").is(200, `{"status":"ready"}`)
	h.api.Ready = func(context.Context) error { return errors.New("disk on fire") }
	h.send("GET", "/readyz", "").is(503, `{"code":"unavailable","message":"The server is not ready."}`)
	h.send("GET", "/healthz", "").is(200, `{"status":"ok"}`)
	if a := h.send("GET", "/openapi/v1.yaml", ""); a.status != 200 || !strings.HasPrefix(a.body, "openapi: 3.0.3\n") || a.header.Get("Content-Type") != "application/yaml" {
		t.Errorf("got %d %v", a.status, a.header)
	}
}
