package v1

import (
	"context"
	"encoding/json"
	"io"
	"net/http"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/api"
	"github.com/settee/settee/internal/asset"
	"github.com/settee/settee/internal/picture"
)

// UploadMask stores the picture that original_ref names with the alpha of the
// uploaded one, as PNG with the original's text. As in ComfyUI, an original
// that is not there, or has a name that leads out of its folder, stores nothing
// and is no fault. (operationId uploadMask, protocol note 1.5)
func (a *API) UploadMask(w http.ResponseWriter, r *http.Request) {
	spool, err := newSpool()
	if err != nil {
		api.Fail(w, r, err)
		return
	}
	defer spool.drop()
	f, err := a.readForm(w, r, func(file *source) error {
		_, err := io.Copy(spool, file)
		return err
	})
	if err != nil {
		api.Fail(w, r, err)
		return
	}
	name, err := f.name()
	if err != nil {
		api.Fail(w, r, err)
		return
	}
	original, there, err := a.original(r.Context(), f.fields["original_ref"])
	if err != nil {
		api.Fail(w, r, err)
		return
	}
	if there {
		saved, err := a.masked(r.Context(), original, spool, asset.Upload{File: name, Overwrite: f.overwrite(), MIME: "image/png"})
		if err != nil {
			api.Fail(w, r, err)
			return
		}
		name = saved.File
	}
	uploaded(w, name)
}

// original finds the picture of a mask.
func (a *API) original(ctx context.Context, ref string) (found settee.Asset, there bool, err error) {
	var f struct {
		Filename  string  `json:"filename"`
		Subfolder *string `json:"subfolder"`
		Type      *string `json:"type"`
	}
	if err := json.Unmarshal([]byte(ref), &f); err != nil || f.Filename == "" {
		return found, false, &settee.Fault{Code: settee.CodeInvalid,
			Message: "The field original_ref must be JSON with the filename, subfolder and type of a picture.", Err: err}
	}
	file, err := asset.ReadName(f.Filename, text(f.Subfolder), text(f.Type))
	if err == nil {
		found, err = a.Assets.Find(ctx, api.Caller(ctx).ID, file)
	}
	switch settee.CodeOf(err) {
	case "":
		return found, true, nil
	case settee.CodeNotFound, settee.CodeInvalid, settee.CodeForbidden:
		return found, false, nil
	}
	return found, false, err
}

// masked makes and stores the picture.
func (a *API) masked(ctx context.Context, original settee.Asset, upload io.ReadSeeker, u asset.Upload) (settee.Asset, error) {
	if _, err := upload.Seek(0, io.SeekStart); err != nil {
		return settee.Asset{}, err
	}
	p, err := picture.Open(ctx, upload)
	if err != nil {
		return settee.Asset{}, err
	}
	mask := p.Mask()
	p.Close()

	src, err := a.Assets.Open(ctx, original.Blob.Hash)
	if err != nil {
		return settee.Asset{}, err
	}
	defer src.Close()
	texts := picture.Texts(src)
	if _, err := src.Seek(0, io.SeekStart); err != nil {
		return settee.Asset{}, err
	}
	if p, err = picture.Open(ctx, src); err != nil {
		return settee.Asset{}, err
	}
	if err := p.Put(mask); err != nil {
		p.Close()
		return settee.Asset{}, err
	}
	content, made := io.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		made.CloseWithError(p.PNG(made, texts))
	}()
	u.Content = content
	saved, err := a.Assets.Upload(ctx, api.Caller(ctx).ID, u)
	content.CloseWithError(err) // where storing failed, making ends
	<-done
	p.Close()
	return saved, err
}
