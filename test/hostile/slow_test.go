package hostile_test

import (
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// Many connections that say nothing, half a head, half a body, or never read
// what they asked for, keep nobody else from being served.
func TestSlowClients(t *testing.T) {
	t.Parallel()
	h := enter(t)
	content := append(square(t, 2), make([]byte, 8<<20)...)
	large := h.uploaded(h.upload("large.png", content))
	const many = 100
	var open []net.Conn
	for _, beginning := range []string{
		"",
		"GET /api/queue HTTP/1.1\r\nHost: x\r\nX-Slow: ",
		"POST /api/prompt HTTP/1.1\r\nHost: x\r\nX-API-Key: " + h.key + "\r\nContent-Length: 1000\r\n\r\n{\"prompt\":",
		"POST /api/nothing HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{",
		"POST /api/upload/image HTTP/1.1\r\nHost: x\r\nX-API-Key: " + h.key + "\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: 1000\r\n\r\n" +
			"--b\r\nContent-Disposition: form-data; name=\"image\"; filename=\"slow.png\"\r\n\r\nx",
		"GET /view?type=input&filename=" + large + " HTTP/1.1\r\nHost: x\r\nX-API-Key: " + h.key + "\r\n\r\n",
	} {
		for range many {
			conn := h.dial()
			fmt.Fprint(conn, beginning)
			open = append(open, conn)
		}
	}
	began := time.Now()
	for i := range 20 {
		h.job(h.picture(i), "completed")
	}
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("20 jobs took %v beside %d slow clients", took, len(open))
	}
	// Half a head is given up after 10 s; net/http's answer may come first.
	conn := open[many]
	conn.SetReadDeadline(time.Now().Add(30 * time.Second))
	if text, err := io.ReadAll(conn); err != nil || strings.Contains(string(text), " 200 ") {
		t.Errorf("half a head: %q %v", text, err)
	}
	if waited := time.Since(began); waited > 25*time.Second {
		t.Errorf("half a head was waited for for %v", waited)
	}
}

// A head that comes byte by byte is no reason to wait longer.
func TestAHeadThatDrips(t *testing.T) {
	t.Parallel()
	h := enter(t)
	conn := h.dial()
	began := time.Now()
	gone := make(chan struct{})
	go func() {
		io.Copy(io.Discard, conn)
		close(gone)
	}()
	drip := time.NewTicker(200 * time.Millisecond)
	defer drip.Stop()
	fmt.Fprint(conn, "GET /api/queue HTTP/1.1\r\nHost: x\r\nX-Slow: ")
	for {
		select {
		case <-gone:
			if waited := time.Since(began); waited < 5*time.Second || waited > 25*time.Second {
				t.Errorf("given up after %v", waited)
			}
			return
		case <-drip.C:
			conn.Write([]byte("x"))
		}
	}
}
