package comfyuitest

import (
	"net"
	"sync"
	"sync/atomic"
)

// lines are the connections of a server, which can fall silent: nothing is
// read or written any more, and nothing is said of it, as when the machine has
// lost its power or a firewall has forgotten the connection.
type lines struct {
	net.Listener

	mu   sync.Mutex
	all  map[*line]bool
	mute bool // those that come, too
}

type line struct {
	net.Conn
	of     *lines
	mute   atomic.Bool
	once   sync.Once
	closed chan struct{}
}

func (l *lines) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	one := &line{Conn: c, of: l, closed: make(chan struct{})}
	l.mu.Lock()
	defer l.mu.Unlock()
	one.mute.Store(l.mute)
	l.all[one] = true
	return one, nil
}

// silence mutes all that are open, and with fresh those that come.
func (l *lines) silence(fresh bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mute = fresh
	for one := range l.all {
		one.mute.Store(true)
	}
}

// hear lets connections that come be heard again.
func (l *lines) hear() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mute = false
}

// hangUp closes those that are silent.
func (l *lines) hangUp() {
	l.mu.Lock()
	var silent []*line
	for one := range l.all {
		if one.mute.Load() {
			silent = append(silent, one)
		}
	}
	l.mu.Unlock()
	for _, one := range silent {
		_ = one.Close() // it is to be gone
	}
}

func (c *line) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if c.mute.Load() && err == nil {
		<-c.closed
		return 0, net.ErrClosed
	}
	return n, err
}

func (c *line) Write(p []byte) (int, error) {
	if c.mute.Load() {
		return len(p), nil
	}
	return c.Conn.Write(p)
}

func (c *line) Close() error {
	c.once.Do(func() {
		close(c.closed)
		c.of.mu.Lock()
		delete(c.of.all, c)
		c.of.mu.Unlock()
	})
	return c.Conn.Close()
}
