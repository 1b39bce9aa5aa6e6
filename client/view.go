package client

import (
	"context"
	"io"
	"net/http"
	"net/url"

	"github.com/settee/settee"
)

// Content is a file's bytes on their way. The caller closes it.
type Content struct {
	io.ReadCloser
	MIME string
	Size int64 // bytes; -1 when the server does not say
}

// View fetches a file. Whether the server answers with the bytes or with a link
// that needs no key makes no difference; the key is not shown to another
// origin. (operationId viewFile)
func (c *Client) View(ctx context.Context, f settee.File) (*Content, error) {
	query := url.Values{"filename": {f.Filename}, "subfolder": {f.Subfolder}, "type": {string(f.Type)}}
	r, err := c.request(ctx, http.MethodGet, "/api/view", query, nil)
	if err != nil {
		return nil, err
	}
	res, err := c.send(r) //nolint:bodyclose // the caller closes Content, which is the body
	if err != nil {
		return nil, err
	}
	return &Content{ReadCloser: res.Body, MIME: res.Header.Get("Content-Type"), Size: res.ContentLength}, nil
}
