package comfyuitest

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"path"
	"strings"
	"time"
)

func (s *Server) view(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	f := File{q.Get("type"), q.Get("subfolder"), q.Get("filename")}
	if f.Type == "" {
		f.Type = "output"
	}
	s.mu.Lock()
	c, ok := s.find(f)
	modified := s.times[f]
	s.log.Viewed = append(s.log.Viewed, f.Filename)
	s.log.Ranges = append(s.log.Ranges, r.Header.Get("Range"))
	cut, stall := -1, -1
	if list := s.faults.StallView; len(list) > 0 {
		stall, s.faults.StallView = list[0], list[1:]
	}
	slow := s.faults.Slow
	if list := s.faults.CutView; len(list) > 0 {
		cut, s.faults.CutView = list[0], list[1:]
	}
	if s.faults.IgnoreRange {
		r.Header.Del("Range")
	}
	s.mu.Unlock()
	if !ok {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	kind := mime.TypeByExtension(path.Ext(f.Filename))
	if kind == "" {
		kind = "application/octet-stream"
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("ETag", fmt.Sprintf(`"%x-%x"`, len(c.data), c.made.Size))
	if slow > 0 {
		w = &slowWriter{w, slow}
	}
	if cut >= 0 {
		w = &cutter{w, cut, func() { panic(http.ErrAbortHandler) }}
	}
	if stall >= 0 {
		w = &cutter{w, stall, func() {
			select {
			case <-r.Context().Done(): // it is given up on the other side
			case <-s.stop:
			}
			panic(http.ErrAbortHandler)
		}}
	}
	http.ServeContent(w, r, f.Filename, modified, c.open())
}

// slowWriter takes its time for each piece.
type slowWriter struct {
	http.ResponseWriter
	pause time.Duration
}

func (w *slowWriter) Write(p []byte) (int, error) {
	time.Sleep(w.pause)
	return w.ResponseWriter.Write(p)
}

// slowReader too.
type slowReader struct {
	io.Reader
	pause time.Duration
}

func (r *slowReader) Read(p []byte) (int, error) {
	time.Sleep(r.pause)
	return r.Reader.Read(p)
}

// cutReader breaks the connection after some bytes.
type cutReader struct {
	io.Reader
	left int
}

func (r *cutReader) Read(p []byte) (int, error) {
	if r.left <= 0 {
		panic(http.ErrAbortHandler)
	}
	n, err := r.Reader.Read(p[:min(len(p), r.left)])
	r.left -= n
	return n, err
}

// cutter does something else after some bytes.
type cutter struct {
	http.ResponseWriter
	left int
	then func()
}

func (c *cutter) Write(p []byte) (int, error) {
	n := min(len(p), c.left)
	c.left -= n
	c.ResponseWriter.Write(p[:n])
	if n < len(p) {
		c.ResponseWriter.(http.Flusher).Flush()
		c.then()
	}
	return n, nil
}

func (s *Server) upload(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	full, slow, limit := s.faults.DiskFull, s.faults.Slow, s.limit
	cut := -1
	if list := s.faults.CutUpload; len(list) > 0 {
		cut, s.faults.CutUpload = list[0], list[1:]
	}
	s.mu.Unlock()
	if r.ContentLength > limit {
		w.WriteHeader(http.StatusRequestEntityTooLarge)
		return
	}
	if cut >= 0 {
		r.Body = io.NopCloser(&cutReader{r.Body, cut})
	}
	if slow > 0 {
		r.Body = io.NopCloser(&slowReader{r.Body, slow})
	}
	form, err := r.MultipartReader()
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	f := File{Type: "input"}
	var c content
	overwrite := false
	for {
		part, err := form.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		got, err := take(part)
		if err != nil {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		b := got.data
		switch part.FormName() {
		case "image":
			f.Filename, c = part.FileName(), got
		case "type":
			f.Type = string(b)
		case "subfolder":
			f.Subfolder = string(b)
		case "overwrite":
			overwrite = string(b) == "true"
		}
	}
	if f.Filename == "" {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	if full {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	name := f.Filename
	ext := path.Ext(name)
	for n := 1; !overwrite; n++ {
		have, ok := s.find(f)
		if !ok || have.same(c) {
			break
		}
		f.Filename = fmt.Sprintf("%s (%d)%s", strings.TrimSuffix(name, ext), n, ext)
	}
	s.keep(f, c)
	s.log.Uploaded = append(s.log.Uploaded, f.Filename)
	answer := map[string]any{"name": f.Filename, "subfolder": f.Subfolder, "type": f.Type}
	if s.faults.Newer {
		answer["asset"] = map[string]any{"id": "01890a5d-ac96-774b-bcce-b302099a8057", "tags": []string{"input"}}
	}
	writeJSON(w, answer)
}
