package comfyuitest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"path"
	"strings"
)

func (s *Server) view(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	f := File{q.Get("type"), q.Get("subfolder"), q.Get("filename")}
	if f.Type == "" {
		f.Type = "output"
	}
	s.mu.Lock()
	content, ok := s.files[f]
	modified := s.times[f]
	s.log.Viewed = append(s.log.Viewed, f.Filename)
	cut := -1
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
	w.Header().Set("ETag", fmt.Sprintf(`"%x"`, len(content)))
	if cut >= 0 {
		w = &cutter{w, cut}
	}
	http.ServeContent(w, r, f.Filename, modified, bytes.NewReader(content))
}

// cutter breaks the connection after some bytes.
type cutter struct {
	http.ResponseWriter
	left int
}

func (c *cutter) Write(p []byte) (int, error) {
	n := min(len(p), c.left)
	c.left -= n
	c.ResponseWriter.Write(p[:n])
	if n < len(p) {
		c.ResponseWriter.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
	return n, nil
}

func (s *Server) upload(w http.ResponseWriter, r *http.Request) {
	form, err := r.MultipartReader()
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	f := File{Type: "input"}
	var content []byte
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
		b, err := io.ReadAll(part)
		if err != nil {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		switch part.FormName() {
		case "image":
			f.Filename, content = part.FileName(), b
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
	s.mu.Lock()
	defer s.mu.Unlock()
	name := f.Filename
	ext := path.Ext(name)
	for n := 1; !overwrite; n++ {
		have, ok := s.files[f]
		if !ok || bytes.Equal(have, content) {
			break
		}
		f.Filename = fmt.Sprintf("%s (%d)%s", strings.TrimSuffix(name, ext), n, ext)
	}
	s.files[f] = content
	s.log.Uploaded = append(s.log.Uploaded, f.Filename)
	writeJSON(w, map[string]string{"name": f.Filename, "subfolder": f.Subfolder, "type": f.Type})
}
