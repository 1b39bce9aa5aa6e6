package process

import (
	"bytes"
	"log/slog"
	"sync"
)

// logWriter writes a process's output line by line to a log. A progress bar
// that redraws its line is logged at its end only.
type logWriter struct {
	log  *slog.Logger
	mu   sync.Mutex
	line []byte
}

const lineLimit = 16 << 10 // bytes of one line; the rest of it starts another

func (w *logWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := len(p)
	for len(p) > 0 {
		i := bytes.IndexByte(p, '\n')
		if i < 0 {
			w.line = append(w.line, p...)
			break
		}
		w.line = append(w.line, p[:i]...)
		w.emit()
		p = p[i+1:]
	}
	if len(w.line) > lineLimit {
		w.emit()
	}
	return n, nil
}

func (w *logWriter) emit() {
	line := bytes.TrimRight(w.line, " \r\n")
	if i := bytes.LastIndexByte(line, '\r'); i >= 0 {
		line = line[i+1:]
	}
	if len(line) > 0 {
		w.log.Info(string(line))
	}
	w.line = w.line[:0]
}

func (w *logWriter) flush() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.emit()
}
