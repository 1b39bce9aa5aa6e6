package remote_test

import (
	"net"
	"net/url"
	"sync"
	"testing"
	"time"
)

// proxy is a network between a worker and its server, which can be bad.
type proxy struct {
	url    string
	target string
	listen net.Listener

	mu           sync.Mutex
	conns        map[net.Conn]bool
	cut          bool          // connections break, new ones too
	stall        chan struct{} // not nil: nothing passes until it is closed, and nothing is said of it
	delay        time.Duration // of each piece
	toward, from way
}

// way is a direction, as the worker sees the server.
type way struct {
	budget int64 // >= 0: bytes until the connection breaks, once
	broken chan struct{}
	total  int64 // bytes
}

func newProxy(t *testing.T, target string) *proxy {
	u, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{url: "http://" + l.Addr().String(), target: u.Host, listen: l, conns: map[net.Conn]bool{}, toward: way{budget: -1}, from: way{budget: -1}}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() { p.serve(c) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		p.heal()
		p.breakAll()
		all.Wait()
	})
	return p
}

func (p *proxy) serve(c net.Conn) {
	defer c.Close()
	p.mu.Lock()
	cut := p.cut
	p.mu.Unlock()
	if cut {
		return
	}
	s, err := net.Dial("tcp", p.target)
	if err != nil {
		return
	}
	defer s.Close()
	p.mu.Lock()
	p.conns[c], p.conns[s] = true, true
	p.mu.Unlock()
	var both sync.WaitGroup
	both.Go(func() { p.pass(s, c, &p.toward) })
	both.Go(func() { p.pass(c, s, &p.from) })
	both.Wait()
	p.mu.Lock()
	delete(p.conns, c)
	delete(p.conns, s)
	p.mu.Unlock()
}

// pass copies until one side breaks, which breaks the other.
func (p *proxy) pass(to, from net.Conn, w *way) {
	defer to.Close()
	defer from.Close()
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		p.mu.Lock()
		stall, delay := p.stall, p.delay
		broke := false
		w.total += int64(n)
		if w.budget >= 0 {
			if w.budget -= int64(n); w.budget < 0 {
				broke = true
				close(w.broken)
			}
		}
		p.mu.Unlock()
		if broke {
			return
		}
		if stall != nil {
			<-stall
		}
		if delay > 0 {
			timer := time.NewTimer(delay)
			<-timer.C
		}
		if _, failed := to.Write(buffer[:n]); failed != nil || err != nil {
			return
		}
	}
}

func (p *proxy) breakAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		if tcp, ok := c.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0) // a reset, as a cable has it
		}
		c.Close()
	}
}

// sever breaks all connections and refuses new ones until heal.
func (p *proxy) sever() {
	p.mu.Lock()
	p.cut = true
	p.mu.Unlock()
	p.breakAll()
}

// freeze leaves all connections open and passes nothing until heal.
func (p *proxy) freeze() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stall = make(chan struct{})
}

// slowly delays every piece.
func (p *proxy) slowly(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.delay = d
}

// breakAfter breaks one connection after that many bytes towards the server.
func (p *proxy) breakAfter(n int64) (broken chan struct{}) { return p.breakWay(&p.toward, n) }

// breakDownAfter breaks one after that many bytes from the server.
func (p *proxy) breakDownAfter(n int64) (broken chan struct{}) { return p.breakWay(&p.from, n) }

func (p *proxy) breakWay(w *way, n int64) (broken chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	w.budget, w.broken = n, make(chan struct{})
	return w.broken
}

// sent is how many bytes have gone towards the server.
func (p *proxy) sent() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.toward.total
}

// received is how many have come from it.
func (p *proxy) received() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.from.total
}

func (p *proxy) heal() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut, p.delay = false, 0
	if p.stall != nil {
		close(p.stall)
		p.stall = nil
	}
}
