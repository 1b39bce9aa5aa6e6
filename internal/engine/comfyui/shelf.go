package comfyui

import "container/list"

// shelf is what lies in ComfyUI's input folder. Files that no job uses leave
// it, the longest unused first, while there are more than files or bytes.
type shelf struct {
	files  int
	bytes  int64
	order  *list.List // of *shelved, the newest first
	byWant map[string]*list.Element
	size   int64 // of all
}

// shelved is a file that was brought as want and that ComfyUI calls name.
type shelved struct {
	want, name string
	size       int64
	users      int
}

func newShelf(files int, bytes int64) *shelf {
	return &shelf{files: files, bytes: bytes, order: list.New(), byWant: map[string]*list.Element{}}
}

// take finds a file for a job, which must give it back.
func (s *shelf) take(want string) (name string, ok bool) {
	e, ok := s.byWant[want]
	if !ok {
		return "", false
	}
	s.order.MoveToFront(e)
	f := e.Value.(*shelved)
	f.users++
	return f.name, true
}

// put adds a file that a job has brought and uses.
func (s *shelf) put(want, name string, size int64) {
	s.remove(want)
	s.byWant[want] = s.order.PushFront(&shelved{want, name, size, 1})
	s.size += size
}

func (s *shelf) give(want string) {
	if e, ok := s.byWant[want]; ok {
		f := e.Value.(*shelved)
		f.users = max(0, f.users-1)
	}
}

func (s *shelf) remove(want string) {
	if e, ok := s.byWant[want]; ok {
		s.size -= s.order.Remove(e).(*shelved).size
		delete(s.byWant, want)
	}
}

// surplus takes out what is too much.
func (s *shelf) surplus() (out []*shelved) {
	for e := s.order.Back(); e != nil && (len(s.byWant) > s.files || s.size > s.bytes); {
		f, before := e.Value.(*shelved), e.Prev()
		if f.users == 0 {
			s.remove(f.want)
			out = append(out, f)
		}
		e = before
	}
	return out
}
