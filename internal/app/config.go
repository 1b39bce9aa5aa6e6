// Package app puts a server together: it is the only place that knows which
// adapter stands behind which interface.
package app

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"runtime"
	"strings"
	"time"

	"github.com/pbnjay/memory"

	"github.com/settee/settee/internal/engine"
)

// Config of a server. The zero value of every field but Data is usable.
type Config struct {
	Listen        string        // host:port; port 0 takes a free one
	Data          string        // folder of database, files and server.json; made when absent
	Database      string        // "sqlite" (in Data) or a postgres:// URL
	Secret        string        // root secret as text; empty: kept in Data
	BootstrapKey  string        // the first key of account default, instead of a drawn one
	Open          bool          // no keys, loopback only: a drop-in for a local ComfyUI
	Previews      string        // always, auto or never
	StatusDialect string        // "" or "raw": words of GET /api/job/{id}/status
	TrustProxy    bool          // believe X-Forwarded-Proto and X-Forwarded-Host
	ComfyUI       ComfyUI       // real ComfyUI processes
	NoNative      bool          // no native engine: all jobs go to other workers
	Native        engine.Engine // stands in for the native engine; nil: none does
	Workers       int           // native engines; 0: one a core, in open mode one
	Memory        int64         // bytes that the pictures of all native engines may take; 0: half of the machine's
	MaxUpload     int64         // bytes of a request that uploads; 0: 100 MiB, as in ComfyUI
	Grace         time.Duration // for running jobs at shutdown
	Lease         time.Duration // how long a worker that is not heard of keeps its jobs; 0: 15 s
	Version       string
	Log           *slog.Logger
}

func (c *Config) defaults() error {
	if c.Data == "" {
		return errors.New("a data folder is needed")
	}
	if c.Listen == "" {
		c.Listen = "127.0.0.1:8188"
	}
	if c.Database == "" {
		c.Database = "sqlite"
	}
	if c.Previews == "" {
		c.Previews = "auto"
	}
	if c.Grace == 0 {
		c.Grace = 10 * time.Second
	}
	if c.Workers <= 0 {
		c.Workers = runtime.GOMAXPROCS(0)
		if c.Open {
			c.Workers = 1 // ComfyUI runs strictly one after another
		}
	}
	if c.Memory <= 0 {
		c.Memory = int64(memory.TotalMemory() / 2) // 0 where the system does not tell: the engine's own default
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if strings.HasPrefix(c.Database, "postgres") && c.Secret == "" {
		return errors.New("with PostgreSQL the secret must be given (SETTEE_SECRET): every server needs the same one")
	}
	if c.Open {
		host, _, err := net.SplitHostPort(c.Listen)
		if err != nil {
			return fmt.Errorf("listen address %q: %w", c.Listen, err)
		}
		if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
			return fmt.Errorf("an open server asks for no key, so it listens on loopback only, not on %q", c.Listen)
		}
	}
	return nil
}
