package client

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"strconv"

	"github.com/settee/settee"
)

// Upload is a file to store. Name is the wish; Uploaded has what it became.
type Upload struct {
	File      settee.File // an empty Type is Input
	Overwrite bool        // replace a file of that name with other bytes
	Content   io.Reader   // read once, to its end; not closed
	Size      int64       // bytes, when known; 0 sends the content in chunks
}

// Uploaded is a file as the server knows it.
type Uploaded settee.File

// Reference is the value for a loader's input: the name, with its folder, and
// with its type where that is not input.
func (u Uploaded) Reference() string {
	name := u.Filename
	if u.Subfolder != "" {
		name = u.Subfolder + "/" + name
	}
	if u.Type != settee.Input && u.Type != "" {
		name += " [" + string(u.Type) + "]"
	}
	return name
}

// Upload stores a file of any kind. It is streamed: memory does not grow with
// it. (operationId uploadImage)
func (c *Client) Upload(ctx context.Context, u Upload) (Uploaded, error) {
	if u.File.Type == "" {
		u.File.Type = settee.Input
	}
	var frame bytes.Buffer
	form := multipart.NewWriter(&frame)
	for _, field := range [][2]string{
		{"type", string(u.File.Type)},
		{"subfolder", u.File.Subfolder},
		{"overwrite", strconv.FormatBool(u.Overwrite)},
	} {
		if err := form.WriteField(field[0], field[1]); err != nil {
			return Uploaded{}, err
		}
	}
	if _, err := form.CreateFormFile("image", u.File.Filename); err != nil {
		return Uploaded{}, err
	}
	head := bytes.Clone(frame.Bytes())
	if err := form.Close(); err != nil {
		return Uploaded{}, err
	}
	tail := frame.Bytes()[len(head):]

	body := io.MultiReader(bytes.NewReader(head), u.Content, bytes.NewReader(tail))
	r, err := c.request(ctx, http.MethodPost, "/api/upload/image", nil, body)
	if err != nil {
		return Uploaded{}, err
	}
	if u.Size > 0 {
		r.ContentLength = int64(len(head)) + u.Size + int64(len(tail))
	}
	r.Header.Set("Content-Type", form.FormDataContentType())
	res, err := c.send(r)
	if err != nil {
		return Uploaded{}, err
	}
	defer res.Body.Close()
	var answer struct {
		Name      string          `json:"name"`
		Subfolder string          `json:"subfolder"`
		Type      settee.FileType `json:"type"`
	}
	if err := json.NewDecoder(io.LimitReader(res.Body, maxError)).Decode(&answer); err != nil {
		return Uploaded{}, fmt.Errorf("the answer to the upload of %q: %w", u.File.Filename, err)
	}
	if answer.Name == "" {
		return Uploaded{}, fmt.Errorf("the answer to the upload of %q has no name", u.File.Filename)
	}
	return Uploaded{Filename: answer.Name, Subfolder: answer.Subfolder, Type: answer.Type}, nil
}
