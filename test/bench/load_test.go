package bench

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// caller is one HTTP/1.1 connection of a load generator. It costs so little
// that the server has the processor.
type caller struct {
	conn net.Conn
	in   *bufio.Reader
	body []byte
}

func dial(base string) (*caller, error) {
	u, err := url.Parse(base)
	if err != nil {
		return nil, err
	}
	c, err := net.Dial("tcp", u.Host)
	if err != nil {
		return nil, err
	}
	return &caller{conn: c, in: bufio.NewReader(c)}, nil
}

var errNoLength = errors.New("an answer without Content-Length")

// do sends a whole request and reads the answer; the body is good until the
// next do.
func (c *caller) do(request []byte) (status int, body []byte, err error) {
	if _, err := c.conn.Write(request); err != nil {
		return 0, nil, err
	}
	text, err := c.in.ReadSlice('\n')
	if err != nil {
		return 0, nil, err
	}
	if len(text) < 12 {
		return 0, nil, fmt.Errorf("an answer begins %q", text)
	}
	if status, err = strconv.Atoi(string(text[9:12])); err != nil {
		return 0, nil, err
	}
	length := -1
	for {
		text, err := c.in.ReadSlice('\n')
		if err != nil {
			return 0, nil, err
		}
		if len(text) <= 2 {
			break
		}
		if name, value, ok := bytes.Cut(text, []byte(":")); ok && bytes.EqualFold(name, []byte("Content-Length")) {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil {
				return 0, nil, err
			}
		}
	}
	if length < 0 {
		return 0, nil, errNoLength
	}
	if cap(c.body) < length {
		c.body = make([]byte, length)
	}
	c.body = c.body[:length]
	_, err = io.ReadFull(c.in, c.body)
	return status, c.body, err
}

// request is a request's bytes.
func request(method, path, key string, body []byte) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: localhost\r\n", method, path)
	if key != "" {
		fmt.Fprintf(&b, "X-API-Key: %s\r\n", key)
	}
	if body != nil {
		fmt.Fprintf(&b, "Content-Type: application/json\r\nContent-Length: %d\r\n", len(body))
	}
	b.WriteString("\r\n")
	b.Write(body)
	return b.Bytes()
}

// connections is how many callers there are at once.
const connections = 64

// rate is how many requests a second are answered 200 over so many connections,
// for d; next is what connection i sends.
func rate(b *testing.B, base string, d time.Duration, next func(i int) []byte) float64 {
	b.Helper()
	var (
		done   atomic.Int64
		failed atomic.Pointer[error]
		wait   sync.WaitGroup
	)
	began := time.Now()
	for i := range connections {
		wait.Go(func() {
			err := func() error {
				c, err := dial(base)
				if err != nil {
					return err
				}
				defer c.conn.Close()
				for time.Since(began) < d {
					status, body, err := c.do(next(i))
					if err != nil {
						return err
					}
					if status != 200 {
						return fmt.Errorf("status %d: %s", status, body)
					}
					done.Add(1)
				}
				return nil
			}()
			if err != nil {
				failed.Store(&err)
			}
		})
	}
	wait.Wait()
	if err := failed.Load(); err != nil {
		b.Fatal(*err)
	}
	return float64(done.Load()) / time.Since(began).Seconds()
}

// versus measures both by turns, and is the median of each.
func versus(rounds int, ours, floor func() float64) (float64, float64) {
	var a, z []float64
	for range rounds {
		a, z = append(a, ours()), append(z, floor())
	}
	return median(a), median(z)
}
