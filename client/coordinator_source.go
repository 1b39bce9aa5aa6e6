package client

import (
	"encoding/hex"
	"errors"
	"io"
	"os"
	"sync"

	"github.com/zeebo/blake3"

	"github.com/settee/settee"
)

// source is content that can be read again from anywhere it has been, and that
// is hashed when it is read first. Its beginning is in memory; what follows is
// asked of the content again, or waits in a temporary file when that can be read
// only once. Read and Seek must not run at once.
type source struct {
	block *[inMemory]byte // head lies in it
	head  []byte
	rest  io.Reader
	again io.Seeker // rest, when it can be read again
	base  int64     // where again began
	spool *os.File  // what came of rest after head, when it cannot

	at    int64 // the next byte
	where int64 // of rest: its next byte
	came  int64 // bytes that were hashed
	hash  *blake3.Hasher
	ended bool
	err   error // of the content: why there is no more of it
}

var blocks = sync.Pool{New: func() any { return new([inMemory]byte) }}

// newSource begins to read content. It must be closed.
func newSource(content io.Reader) (*source, error) {
	c := &source{rest: content, hash: blake3.New()}
	if seeker, ok := content.(io.Seeker); ok {
		base, err := seeker.Seek(0, io.SeekCurrent)
		if err != nil {
			return nil, err
		}
		c.again, c.base = seeker, base
	}
	c.block = blocks.Get().(*[inMemory]byte)
	n, err := io.ReadFull(content, c.block[:])
	c.head, c.where, c.came = c.block[:n], int64(n), int64(n)
	_, _ = c.hash.Write(c.head) // never fails
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		c.ended = true
	case err != nil:
		c.Close()
		return nil, err
	case c.again == nil:
		if c.spool, err = os.CreateTemp("", "settee-result-"); err != nil {
			c.Close()
			return nil, err
		}
	}
	return c, nil
}

// Close removes what waited. Nothing of it is read any more.
func (c *source) Close() {
	blocks.Put(c.block)
	c.block, c.head = nil, nil
	if c.spool != nil {
		c.spool.Close()
		_ = os.Remove(c.spool.Name()) // gone at the next boot at the latest
	}
}

func (c *source) Read(p []byte) (n int, err error) {
	switch {
	case c.err != nil:
		return 0, c.err
	case c.at < int64(len(c.head)):
		n = copy(p, c.head[c.at:])
	case c.ended && c.at >= c.came:
		return 0, io.EOF
	case c.again == nil && c.at < c.came:
		p = p[:min(int64(len(p)), c.came-c.at)]
		n, err = c.spool.ReadAt(p, c.at-int64(len(c.head)))
	default:
		n, err = c.further(p)
	}
	c.at += int64(n)
	if err != nil && !errors.Is(err, io.EOF) {
		c.err = err
	}
	return n, err
}

// further reads the content itself, and hashes what is new.
func (c *source) further(p []byte) (int, error) {
	if c.where != c.at {
		if _, err := c.again.Seek(c.base+c.at, io.SeekStart); err != nil {
			return 0, settee.Faultf(settee.CodeInvalid, "read a result again: %v", err)
		}
		c.where = c.at
	}
	n, err := c.rest.Read(p)
	c.where += int64(n)
	if fresh := c.where - c.came; fresh > 0 {
		_, _ = c.hash.Write(p[int64(n)-fresh : n]) // never fails
		c.came = c.where
		if c.spool != nil {
			if _, err := c.spool.Write(p[int64(n)-fresh : n]); err != nil {
				return n, err
			}
		}
	}
	c.ended = c.ended || errors.Is(err, io.EOF) && c.where == c.came
	return n, err
}

// Seek goes to a byte that was there before.
func (c *source) Seek(offset int64, whence int) (int64, error) {
	if whence != io.SeekStart || offset < 0 || offset > c.came {
		return 0, settee.Faultf(settee.CodeInvalid, "a result was asked for from another place than it has")
	}
	c.at = offset
	return offset, nil
}

// finish reads it to its end, for its hash.
func (c *source) finish() error {
	buffer := make([]byte, atOnce)
	c.at = c.came
	for !c.ended {
		if _, err := c.Read(buffer); err != nil && !errors.Is(err, io.EOF) {
			return err
		}
	}
	return nil
}

// blob is what it was, once it was read to its end.
func (c *source) blob() settee.Blob {
	return settee.Blob{Hash: hex.EncodeToString(c.hash.Sum(nil)), Size: c.came}
}
