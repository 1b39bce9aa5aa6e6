package app_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/app"
)

// serve runs a server on a free port and returns its operator's key.
func serve(t *testing.T, cfg app.Config) settee.Server {
	t.Helper()
	cfg.Listen, cfg.Data, cfg.Log = "127.0.0.1:0", t.TempDir(), slog.New(slog.DiscardHandler)
	a, err := app.New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	text, err := os.ReadFile(filepath.Join(cfg.Data, settee.ServerFile))
	if err != nil {
		t.Fatal(err)
	}
	var s settee.Server
	if err := json.Unmarshal(text, &s); err != nil {
		t.Fatal(err)
	}
	return s
}

func get(t *testing.T, url, header, value string) (int, string) {
	t.Helper()
	q, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if header == "Host" {
		q.Host = value
	} else if header != "" {
		q.Header.Set(header, value)
	}
	res, err := http.DefaultClient.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(body)
}

func TestMetricsAreForThisMachineAndOperators(t *testing.T) {
	s := serve(t, app.Config{BootstrapKey: "client-key"})
	status, text := get(t, s.URL+"/metrics", "", "")
	if status != http.StatusOK {
		t.Fatalf("this machine is answered %d", status)
	}
	for _, name := range []string{"settee_jobs_submitted_total 0", "settee_live_sockets 0", "settee_store_batch_units_count", "go_goroutines", "settee_job_stage_seconds_count"} {
		if !strings.Contains(text, name) {
			t.Errorf("there is no %s", name)
		}
	}
	for _, c := range []struct {
		header, value string
		want          int
	}{
		{"X-Forwarded-For", "203.0.113.7", http.StatusUnauthorized},
		{"Host", "comfy.example", http.StatusUnauthorized},
		{"X-API-Key", s.Key, http.StatusOK},
	} {
		if status, _ := get(t, s.URL+"/metrics", c.header, c.value); status != c.want {
			t.Errorf("with %s: %s it is %d, want %d", c.header, c.value, status, c.want)
		}
	}
}

func TestMetricsBehindAProxyNeedAKey(t *testing.T) {
	s := serve(t, app.Config{BootstrapKey: "client-key", TrustProxy: true})
	for _, c := range []struct {
		header, value string
		want          int
	}{
		{"", "", http.StatusUnauthorized},
		{"X-API-Key", "client-key", http.StatusForbidden},
		{"X-API-Key", s.Key, http.StatusOK},
	} {
		if status, _ := get(t, s.URL+"/metrics", c.header, c.value); status != c.want {
			t.Errorf("with %q %q it is %d, want %d", c.header, c.value, status, c.want)
		}
	}
}
