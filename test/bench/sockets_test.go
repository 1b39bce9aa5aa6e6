package bench

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/settee/settee/test/process"
)

// BenchmarkSockets is 10,000 idle sockets of 1,000 accounts: what one takes of
// the server's memory, beside a bare server's, and the trivial job meanwhile.
func BenchmarkSockets(b *testing.B) {
	n, owners := 10_000, 1000
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		b.Fatal(err)
	}
	if room := int(limit.Cur) - 500; room < n {
		n = room
		owners = n / 10
		b.Logf("only %d sockets: ulimit -n is %d", n, limit.Cur)
	}
	s := house(b)
	accounts(b, s.Data, owners)
	c := newClient(b, s.URL, process.Key)
	trips(b, c, 1, 50)
	jobs, ours := 1000, 0.0
	trivial := func() float64 {
		jobs += 200
		all, wrong := trips(b, c, jobs, 200)
		if wrong > 0 {
			b.Fatalf("%d pictures were wrong", wrong)
		}
		return ms(percentile(fetched(all), .5))
	}
	before := resident(s.PID())
	among, alone := versus(3, func() float64 {
		hangUp := sockets(b, s.URL, n, func(i int) string { return "X-API-Key: " + key(i%owners) })
		defer hangUp()
		<-time.After(time.Second) // until all are known to be no editors
		if ours == 0 {
			ours = (resident(s.PID()) - before) * 1024 / float64(n)
		}
		return trivial()
	}, trivial)

	f := floor(b, "sockets")
	before = resident(f.cmd.Process.Pid)
	hangUp := sockets(b, f.url, n, func(int) string { return "X-Nothing: x" })
	bare := (resident(f.cmd.Process.Pid) - before) * 1024 / float64(n)
	hangUp()

	what := fmt.Sprintf("%d idle sockets of %d accounts, each", n, owners)
	compare(what+" (bare server: the floor)", ours, bare, " KiB", 1.45, false)
	bound(what, ours, " KiB", 45, false)
	compare("trivial job, p50, among them", among, alone, " ms", 1.3, false)
}

// sockets opens so many WebSockets, which then say nothing, until they are hung
// up. Each has heard its first message.
func sockets(b *testing.B, base string, n int, header func(i int) string) (hangUp func()) {
	b.Helper()
	const callers = 32
	var (
		mu   sync.Mutex
		open []net.Conn
		wait sync.WaitGroup
		errs = make(chan error, callers)
	)
	for i := range callers {
		wait.Go(func() {
			for k := i; k < n; k += callers {
				c, err := handshake(base, header(k), k)
				if err != nil {
					errs <- err
					return
				}
				mu.Lock()
				open = append(open, c)
				mu.Unlock()
			}
		})
	}
	wait.Wait()
	close(errs)
	hangUp = func() {
		for _, c := range open {
			c.Close()
		}
	}
	if err := <-errs; err != nil {
		hangUp()
		b.Fatal(err)
	}
	return hangUp
}

func handshake(base, header string, i int) (net.Conn, error) {
	c, err := net.Dial("tcp", strings.TrimPrefix(base, "http://"))
	if err != nil {
		return nil, err
	}
	if _, err := fmt.Fprintf(c, "GET /ws?clientId=%d HTTP/1.1\r\nHost: localhost\r\n%s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", i, header); err != nil {
		return nil, err
	}
	in := bufio.NewReaderSize(c, 512)
	res, err := http.ReadResponse(in, nil)
	if err != nil {
		return nil, err
	}
	res.Body.Close()
	if res.StatusCode != http.StatusSwitchingProtocols {
		return nil, fmt.Errorf("status %d", res.StatusCode)
	}
	if _, err := in.ReadByte(); err != nil { // of the first message
		return nil, err
	}
	return c, nil
}
