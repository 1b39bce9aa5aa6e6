package comfyui

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"os"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/settee/settee"
)

const resumes = 5 // broken connections in a row without a new byte

// errGone says that ComfyUI has no such file.
var errGone = errors.New("ComfyUI has no such file")

// download is a file of ComfyUI's as a stream, resumed where it breaks, and asked
// for from elsewhere when it is read from there.
type download struct {
	ctx  context.Context
	http *http.Client
	url  string
	wait time.Duration // for the next bytes

	body     io.ReadCloser
	stop     context.CancelFunc
	stalled  *time.Timer
	mime     string
	modified time.Time
	etag     string
	at, size int64 // size -1: not told
	left     int   // tries
}

// open starts to read a file, from the folder where it can be reached, else
// over /view.
func (e *Engine) open(ctx context.Context, f settee.File) (io.ReadSeekCloser, *download, error) {
	if dir := e.folder(f.Type); dir != "" {
		root, err := os.OpenRoot(dir)
		if err != nil {
			return nil, nil, err
		}
		defer root.Close()
		file, err := root.Open(path.Join(f.Subfolder, f.Filename))
		if errors.Is(err, os.ErrNotExist) {
			return nil, nil, errGone
		}
		if err != nil {
			return nil, nil, err
		}
		d := &download{mime: mime.TypeByExtension(path.Ext(f.Filename))}
		if info, err := file.Stat(); err == nil {
			d.modified = info.ModTime()
		}
		return file, d, nil
	}
	q := url.Values{"filename": {f.Filename}, "subfolder": {f.Subfolder}, "type": {string(f.Type)}}
	d := &download{ctx: ctx, http: e.opt.HTTP, url: e.server.url() + "/view?" + q.Encode(), wait: e.opt.Stall, left: resumes}
	for {
		err := d.connect()
		if err == nil {
			if d.mime == "" || d.mime == "application/octet-stream" {
				if m := mime.TypeByExtension(path.Ext(f.Filename)); m != "" {
					d.mime = m
				}
			}
			return d, d, nil
		}
		if err = d.again(err); err != nil {
			return nil, nil, err
		}
	}
}

// again says whether a failed try is worth another one, nil meaning yes.
func (d *download) again(err error) error {
	if s, ok := errors.AsType[*statusError](err); ok && s.Status < 500 || errors.Is(err, errGone) || d.ctx.Err() != nil {
		return err
	}
	if d.left--; d.left <= 0 {
		return err
	}
	pause := time.NewTimer(time.Duration(resumes-d.left) * 50 * time.Millisecond)
	defer pause.Stop()
	select {
	case <-d.ctx.Done():
		return d.ctx.Err()
	case <-pause.C:
		return nil
	}
}

// connect asks for what is still missing.
func (d *download) connect() error {
	ctx, cancel := context.WithCancel(d.ctx)
	stalled := time.AfterFunc(d.wait, cancel)
	ok := false
	defer func() {
		if !ok {
			stalled.Stop()
			cancel()
		}
	}()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, d.url, nil)
	if err != nil {
		return err
	}
	if d.at > 0 {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-", d.at))
		if d.etag != "" {
			req.Header.Set("If-Range", d.etag)
		}
	}
	resp, err := d.http.Do(req)
	if err != nil {
		return err
	}
	defer func() {
		if !ok {
			resp.Body.Close()
		}
	}()
	switch resp.StatusCode {
	case http.StatusOK:
		if d.at > 0 && (d.etag == "" || resp.Header.Get("ETag") != d.etag || resp.ContentLength != d.size) {
			return &statusError{"GET /view: the file changed while it was read", resp.StatusCode, nil}
		}
		if d.at > 0 { // it ignores ranges: what is known is read again
			if _, err := io.CopyN(io.Discard, resp.Body, d.at); err != nil {
				return err
			}
		} else {
			d.size, d.etag, d.mime = resp.ContentLength, resp.Header.Get("ETag"), resp.Header.Get("Content-Type")
			d.modified, _ = http.ParseTime(resp.Header.Get("Last-Modified"))
		}
	case http.StatusPartialContent:
		var from, total int64
		if _, err := fmt.Sscanf(resp.Header.Get("Content-Range"), "bytes %d-", &from); err != nil || from != d.at {
			return &statusError{"GET /view: another range than was asked for", resp.StatusCode, nil}
		}
		_, text, _ := strings.Cut(resp.Header.Get("Content-Range"), "/")
		if total, err = strconv.ParseInt(text, 10, 64); err == nil && d.size >= 0 && total != d.size {
			return &statusError{"GET /view: the file changed while it was read", resp.StatusCode, nil}
		}
	case http.StatusNotFound:
		return errGone
	default:
		return &statusError{"GET /view", resp.StatusCode, nil}
	}
	ok = true
	d.body, d.stop, d.stalled = resp.Body, cancel, stalled
	return nil
}

// Read gives the next bytes and resumes a broken connection unseen.
func (d *download) Read(p []byte) (int, error) {
	for {
		if d.size >= 0 && d.at >= d.size {
			return 0, io.EOF
		}
		if d.body == nil {
			if err := d.connect(); err != nil {
				if err = d.again(err); err != nil {
					return 0, err
				}
				continue
			}
		}
		n, err := d.body.Read(p)
		d.at += int64(n)
		if n > 0 {
			d.left = resumes
			d.stalled.Reset(d.wait)
		}
		whole := d.size < 0 && errors.Is(err, io.EOF) || d.size >= 0 && d.at >= d.size
		switch {
		case whole:
			return n, io.EOF
		case err == nil && n > 0:
			return n, nil
		case err == nil:
			continue
		}
		d.drop()
		if n > 0 {
			return n, nil // the next call goes on
		}
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		if err = d.again(err); err != nil {
			return 0, err
		}
	}
}

// sought is where a Seek goes in what has no known end.
func sought(at, offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekStart:
	case io.SeekCurrent:
		offset += at
	default:
		return 0, errors.New("a file that is read has no known end")
	}
	if offset < 0 {
		return 0, errors.New("seek before the beginning")
	}
	return offset, nil
}

// Seek goes to an offset from the beginning or from where it is.
func (d *download) Seek(offset int64, whence int) (int64, error) {
	offset, err := sought(d.at, offset, whence)
	if err != nil {
		return 0, err
	}
	if offset != d.at {
		d.drop()
		d.at = offset
	}
	return offset, nil
}

func (d *download) drop() {
	if d.body != nil {
		d.stalled.Stop()
		d.stop()
		d.body.Close()
		d.body = nil
	}
}

// Close ends the download.
func (d *download) Close() error {
	d.drop()
	return nil
}
