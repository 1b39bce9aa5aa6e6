package api

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"time"
)

// paced gives up connections whose peers stall: a body of which nothing comes
// for BodyTime, and an answer of which nothing is taken for AnswerTime. However
// long a transfer takes, it goes on as long as bytes flow.
func (r *Router) paced(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		p := &pacedWriter{ResponseWriter: w, conn: http.NewResponseController(w), wait: r.deps.AnswerTime}
		p.step()
		if q.ContentLength != 0 {
			q.Body = &pacedBody{ReadCloser: q.Body, conn: p.conn, wait: r.deps.BodyTime}
			// What no handler reads is waited for before the answer leaves.
			_ = p.conn.SetReadDeadline(time.Now().Add(min(r.deps.BodyTime, r.deps.AnswerTime) / 2))
		}
		next.ServeHTTP(p, q)
	})
}

// pacedBody gives its peer a new deadline for each read, unless Body has set
// one for the whole.
type pacedBody struct {
	io.ReadCloser
	conn  *http.ResponseController
	wait  time.Duration
	whole bool
}

func (b *pacedBody) Read(p []byte) (int, error) {
	if !b.whole {
		_ = b.conn.SetReadDeadline(time.Now().Add(b.wait)) // tests have no connection
	}
	n, err := b.ReadCloser.Read(p)
	if err == io.EOF { //nolint:errorlint // a wrapped one is not the end
		_ = b.conn.SetReadDeadline(time.Time{}) // or it would end the request later
	}
	return n, err
}

// pacedWriter gives its peer a new deadline for each write.
type pacedWriter struct {
	http.ResponseWriter
	conn *http.ResponseController
	wait time.Duration
	set  time.Time // when the deadline was
}

// stride is how much of a file a peer must take before its next deadline.
const stride = 1 << 20

// step sets the deadline, unless it has just been set.
func (w *pacedWriter) step() {
	now := time.Now()
	if now.Sub(w.set) < w.wait/16 {
		return
	}
	w.set = now
	_ = w.conn.SetWriteDeadline(now.Add(w.wait))
}

func (w *pacedWriter) WriteHeader(status int) {
	w.step()
	w.ResponseWriter.WriteHeader(status)
}

func (w *pacedWriter) Write(p []byte) (int, error) {
	w.step()
	return w.ResponseWriter.Write(p)
}

// ReadFrom lets the system copy a file to the socket by itself, step by step.
func (w *pacedWriter) ReadFrom(src io.Reader) (total int64, err error) {
	whole, _ := src.(*io.LimitedReader)
	if whole == nil {
		whole = &io.LimitedReader{R: src, N: 1<<63 - 1}
	}
	for whole.N > 0 {
		w.step()
		// Not a limit of a limit: the system's copy sees through one only.
		part := &io.LimitedReader{R: whole.R, N: min(stride, whole.N)}
		n, err := io.Copy(w.ResponseWriter, part)
		total += n
		whole.N -= n
		if err != nil || part.N > 0 {
			return total, err
		}
	}
	return total, nil
}

func (w *pacedWriter) Flush() {
	w.step()
	_ = w.conn.Flush() // a writer that cannot has nothing to flush
}

// Hijack hands the connection over, without deadlines.
func (w *pacedWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) { return w.conn.Hijack() }

// Unwrap is for http.ResponseController.
func (w *pacedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
