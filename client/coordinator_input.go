package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/settee/settee"
)

// Open reads a pinned input of a job that the session holds. A connection that
// breaks is made again and goes on where it stopped. The content must be closed.
func (f Files) Open(ctx context.Context, hash string) (io.ReadSeekCloser, error) {
	s, err := f.k.newest()
	if err != nil {
		return nil, err
	}
	in := &input{k: f.k, s: s, ctx: ctx, hash: hash, size: -1}
	if err := in.connect(); err != nil {
		return nil, err
	}
	return in, nil
}

// input reads a file in one request, or in several when it is cut off or when
// it is read from elsewhere.
type input struct {
	k    *Coordinator
	s    *session
	ctx  context.Context
	hash string
	size int64 // -1: not known yet
	at   int64 // the next byte
	body io.ReadCloser
	stop func()
}

// connect asks for the bytes from at on, until they come.
func (in *input) connect() error {
	return in.k.steadily(in.ctx, in.s, func(ctx context.Context) error {
		ctx, cancel := context.WithCancelCause(ctx)
		watch := newWatch(stalled, func() { cancel(fmt.Errorf("%w: nothing moved for %s", errBroken, stalled)) })
		detach := context.AfterFunc(in.s.ctx, func() { cancel(errOver) })
		stop := func() { watch.stop(); detach(); cancel(nil) }
		r, err := in.k.client.request(ctx, http.MethodGet, in.s.path()+"/blobs/"+in.hash, nil, nil)
		if err != nil {
			stop()
			return err
		}
		if in.at > 0 {
			r.Header.Set("Range", "bytes="+strconv.FormatInt(in.at, 10)+"-")
		}
		res, err := in.k.client.http.Do(r)
		if err != nil {
			err = withoutURL(ctx, r.Method, r.URL, err)
			stop()
			return err
		}
		size, err := whole(res, in.at)
		if err == nil && in.size >= 0 && size != in.size {
			err = settee.Faultf(settee.CodeInvalid, "the input %s has another size than before", in.hash)
		}
		if err != nil {
			res.Body.Close()
			stop()
			return err
		}
		in.size, in.stop = size, stop
		in.body = struct {
			io.Reader
			io.Closer
		}{&moving{res.Body, watch}, res.Body}
		return nil
	})
}

// whole is the size of the file of which an answer has the bytes from at on.
func whole(res *http.Response, at int64) (int64, error) {
	switch res.StatusCode {
	case http.StatusOK:
		if at == 0 && res.ContentLength >= 0 {
			return res.ContentLength, nil
		}
	case http.StatusPartialContent:
		_, total, _ := strings.Cut(res.Header.Get("Content-Range"), "/")
		size, err := strconv.ParseInt(total, 10, 64)
		if err == nil && strings.HasPrefix(res.Header.Get("Content-Range"), fmt.Sprintf("bytes %d-", at)) {
			return size, nil
		}
	default:
		return 0, refusal(res)
	}
	return 0, settee.Faultf(settee.CodeInvalid, "the server answered other bytes than those from %d on", at)
}

func (in *input) Read(p []byte) (int, error) {
	for len(p) > 0 {
		if in.at >= in.size {
			return 0, io.EOF
		}
		if in.body == nil {
			if err := in.connect(); err != nil {
				return 0, err
			}
		}
		n, err := in.body.Read(p)
		in.at += int64(n)
		if err != nil {
			in.drop()
		}
		if n > 0 {
			return n, nil
		}
		if err != nil {
			if err := in.s.pause(in.ctx, 50*time.Millisecond); err != nil {
				return 0, err
			}
		}
	}
	return 0, nil
}

func (in *input) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += in.at
	case io.SeekEnd:
		offset += in.size
	}
	if offset < 0 {
		return 0, errors.New("seek before the beginning")
	}
	if offset != in.at {
		in.drop()
		in.at = offset
	}
	return offset, nil
}

// drop gives the connection up.
func (in *input) drop() {
	if in.body != nil {
		in.body.Close()
		in.stop()
		in.body = nil
	}
}

func (in *input) Close() error {
	in.drop()
	return nil
}
