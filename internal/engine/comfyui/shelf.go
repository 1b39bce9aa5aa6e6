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

// shelved is a file that is brought as want and that ComfyUI calls name.
type shelved struct {
	want, name string // no name: it is being brought for the first time
	size       int64
	users      int
	doubtful   bool // it may not lie there any more
}

func newShelf(files int, bytes int64) *shelf {
	return &shelf{files: files, bytes: bytes, order: list.New(), byWant: map[string]*list.Element{}}
}

// take has a job use a file, until it gives it back. Without a name it must be
// brought, whoever else uses it: brought says when that is done.
func (s *shelf) take(want string, size int64) (f *shelved, name string) {
	e, ok := s.byWant[want]
	if !ok {
		e = s.order.PushFront(&shelved{want: want, size: size})
		s.byWant[want] = e
		s.size += size
	}
	s.order.MoveToFront(e)
	f = e.Value.(*shelved)
	f.users++
	if f.doubtful {
		return f, ""
	}
	return f, f.name
}

func (f *shelved) brought(name string) { f.name, f.doubtful = name, false }

func (f *shelved) give() { f.users-- }

func (s *shelf) remove(f *shelved) {
	s.order.Remove(s.byWant[f.want])
	delete(s.byWant, f.want)
	s.size -= f.size
}

// surplus takes out what is too much.
func (s *shelf) surplus() (out []*shelved) {
	for e := s.order.Back(); e != nil && (len(s.byWant) > s.files || s.size > s.bytes); {
		f, before := e.Value.(*shelved), e.Prev()
		if f.users == 0 {
			s.remove(f)
			if f.name != "" {
				out = append(out, f)
			}
		}
		e = before
	}
	return out
}
