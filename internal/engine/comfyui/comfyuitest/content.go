package comfyuitest

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/zeebo/blake3"
)

// content is a file's bytes: kept as they are, or only known by what they were.
type content struct {
	data []byte
	made Pattern // instead of data, when it has a size
	sum  string  // blake3, of an upload that was too large to keep
	size int64   // of that
}

// kept is the most that is kept of an upload.
const kept = 16 << 20

func (c content) open() io.ReadSeeker {
	if c.made.Size > 0 {
		made := c.made
		return &made
	}
	return bytes.NewReader(c.data)
}

func (c content) same(d content) bool {
	return c.made == d.made && c.sum == d.sum && c.size == d.size && bytes.Equal(c.data, d.data)
}

// take reads an upload in bounded memory.
func take(from io.Reader) (content, error) {
	data, err := io.ReadAll(io.LimitReader(from, kept+1))
	if err != nil || len(data) <= kept {
		return content{data: data}, err
	}
	hash := blake3.New()
	_, _ = hash.Write(data) // never fails
	n, err := io.Copy(hash, from)
	return content{sum: hex.EncodeToString(hash.Sum(nil)), size: int64(len(data)) + n}, err
}

// Pattern reads as Size bytes that do not repeat, the same for the same Seed.
type Pattern struct {
	Seed uint64
	Size int64
	at   int64
}

// Read gives the next bytes.
func (p *Pattern) Read(b []byte) (n int, err error) {
	if p.at >= p.Size {
		return 0, io.EOF
	}
	b = b[:min(int64(len(b)), p.Size-p.at)]
	var word [8]byte
	for n < len(b) {
		binary.LittleEndian.PutUint64(word[:], mix(p.Seed+uint64(p.at/8)))
		if p.at%8 == 0 && len(b)-n >= 8 {
			copy(b[n:n+8], word[:])
			n, p.at = n+8, p.at+8
			continue
		}
		m := copy(b[n:], word[p.at%8:])
		n, p.at = n+m, p.at+int64(m)
	}
	return n, nil
}

func mix(x uint64) uint64 {
	x *= 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// Seek goes to another place.
func (p *Pattern) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += p.at
	case io.SeekEnd:
		offset += p.Size
	}
	if offset < 0 {
		return 0, errors.New("seek before the beginning")
	}
	p.at = offset
	return offset, nil
}

// Sum is the hash of all of it.
func (p Pattern) Sum() string {
	p.at = 0
	hash := blake3.New()
	_, _ = io.Copy(hash, &p) // never fails
	return hex.EncodeToString(hash.Sum(nil))
}

// find is a file of a folder. The caller holds mu.
func (s *Server) find(f File) (content, bool) {
	if dir := s.dirs[f.Type]; dir != "" {
		data, err := os.ReadFile(filepath.Join(dir, f.Subfolder, f.Filename))
		return content{data: data}, err == nil
	}
	c, ok := s.files[f]
	return c, ok
}

// keep puts a file into a folder. The caller holds mu.
func (s *Server) keep(f File, c content) {
	dir := s.dirs[f.Type]
	if dir == "" {
		s.files[f] = c
		return
	}
	to := filepath.Join(dir, f.Subfolder, f.Filename)
	err := os.MkdirAll(filepath.Dir(to), 0o755)
	if err == nil {
		err = os.WriteFile(to, c.data, 0o644)
	}
	if err != nil {
		panic(err)
	}
}

// Write puts a file into a folder; it was written long ago.
func (s *Server) Write(f File, data []byte) {
	s.WriteAt(f, data, time.Unix(1_700_000_000, 0))
}

// WriteAt is Write with a time.
func (s *Server) WriteAt(f File, data []byte, modified time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keep(f, content{data: data})
	s.times[f] = modified
}

// WritePattern is Write of bytes that are made when they are read.
func (s *Server) WritePattern(f File, p Pattern) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.files[f], s.times[f] = content{made: p}, time.Unix(1_700_000_000, 0)
}

// Uploaded is the hash and size of an upload that was too large to keep.
func (s *Server) Uploaded(name string) (sum string, size int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.files[File{Type: "input", Filename: name}]
	return c.sum, c.size
}

// Size is how many bytes a file has.
func (s *Server) Size(f File) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, _ := s.find(f)
	return int64(len(c.data)) + c.made.Size + c.size
}

// TakeUpTo sets the largest upload that is taken.
func (s *Server) TakeUpTo(limit int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.limit = limit
}

// Names lists the files of a folder.
func (s *Server) Names(kind string) (all []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for f := range s.files {
		if f.Type == kind {
			all = append(all, f.Filename)
		}
	}
	return all
}

// EmptyInput removes what was uploaded.
func (s *Server) EmptyInput() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for f := range s.files {
		if f.Type == "input" {
			delete(s.files, f)
		}
	}
}
