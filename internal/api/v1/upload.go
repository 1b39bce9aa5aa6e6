package v1

import (
	"net/http"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/api"
	"github.com/settee/settee/internal/asset"
	"github.com/settee/settee/internal/engine"
)

// UploadImage stores a file of any kind and answers the name it got.
// (operationId uploadImage, protocol note 1.5)
func (a *API) UploadImage(w http.ResponseWriter, r *http.Request) {
	var stored engine.Bytes
	f, err := a.readForm(w, r, func(file *source) (err error) {
		stored, err = a.Assets.Put(r.Context(), file)
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
	saved, err := a.Assets.Name(r.Context(), api.Caller(r.Context()).ID, name, stored, "", f.overwrite())
	if err != nil {
		api.Fail(w, r, err)
		return
	}
	uploaded(w, saved.File)
}

func uploaded(w http.ResponseWriter, f settee.File) {
	api.WriteJSON(w, http.StatusOK, Uploaded{Name: f.Filename, Subfolder: f.Subfolder, Type: string(f.Type)})
}

// name is where the form's file is to go.
func (f *form) name() (settee.File, error) {
	typ, given := f.fields["type"]
	if given && typ == "" {
		return settee.File{}, settee.Faultf(settee.CodeInvalid, "The type must be input, output or temp.")
	}
	return asset.ParseName(f.filename, f.fields["subfolder"], typ)
}

func (f *form) overwrite() bool {
	v := f.fields["overwrite"]
	return v == "true" || v == "1"
}
