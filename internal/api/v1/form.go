package v1

import (
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/asset"
)

const (
	maxUpload = 100 << 20 // bytes of a form when API.MaxUpload does not say: ComfyUI's
	maxField  = 64 << 10  // bytes of a field that is no file
	maxParts  = 64
)

// form is an upload without its file.
type form struct {
	filename string
	fields   map[string]string
}

// source is a form's file on its way in; err is why it broke off.
type source struct {
	io.Reader
	err error
}

func (s *source) Read(p []byte) (n int, err error) {
	n, err = s.Reader.Read(p)
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}

// readForm reads an upload as it comes, its fields before or after the file.
// The first part image goes to take, unless its name is refused already; what
// take stored must have no name until readForm has returned without an error.
func (a *API) readForm(w http.ResponseWriter, r *http.Request, take func(file *source) error) (*form, error) {
	max := a.MaxUpload
	if max <= 0 {
		max = maxUpload
	}
	if r.ContentLength > max {
		return nil, &http.MaxBytesError{Limit: max}
	}
	r.Body = http.MaxBytesReader(w, r.Body, max)
	parts, err := r.MultipartReader()
	if err != nil {
		return nil, &settee.Fault{Code: settee.CodeInvalid, Message: "The body must be multipart/form-data.", Err: err}
	}
	f, taken := &form{fields: map[string]string{}}, false
	for range maxParts {
		part, err := parts.NextRawPart()
		if err == io.EOF { //nolint:errorlint // a wrapped one is a form without its end
			if !taken {
				return nil, settee.Faultf(settee.CodeInvalid, "The form has no file named image.")
			}
			return f, nil
		}
		if err != nil {
			return nil, brokeOff(err)
		}
		if part.FormName() == "image" && !taken {
			if f.filename, err = filename(part); err != nil {
				return nil, err
			}
			file := &source{Reader: part}
			if err := take(file); err != nil {
				if file.err != nil {
					err = brokeOff(file.err)
				}
				return nil, err
			}
			taken = true
			continue
		}
		if err := f.field(part); err != nil {
			return nil, err
		}
	}
	return nil, settee.Faultf(settee.CodeInvalid, "The form has more than %d parts.", maxParts)
}

// field keeps a plain field; the first of a name counts. Other files are
// passed over.
func (f *form) field(part *multipart.Part) error {
	if _, isFile := rawFilename(part); isFile {
		if _, err := io.Copy(io.Discard, part); err != nil {
			return brokeOff(err)
		}
		return nil
	}
	value, err := io.ReadAll(io.LimitReader(part, maxField+1))
	if err != nil {
		return brokeOff(err)
	}
	if len(value) > maxField {
		return settee.Faultf(settee.CodeTooLarge, "The field %.40q is larger than %d bytes.", part.FormName(), maxField)
	}
	if _, again := f.fields[part.FormName()]; !again {
		f.fields[part.FormName()] = string(value)
	}
	return nil
}

// filename is a file part's name; a fault when it can be that of no file.
func filename(part *multipart.Part) (string, error) {
	name, isFile := rawFilename(part)
	if !isFile {
		return "", settee.Faultf(settee.CodeInvalid, "The part image must be a file.")
	}
	_, err := asset.ParseName(name, "", "")
	return name, err
}

// rawFilename is the name as it was sent: multipart's own answer leaves out
// folders, and with them what should be refused.
func rawFilename(part *multipart.Part) (name string, isFile bool) {
	_, params, err := mime.ParseMediaType(part.Header.Get("Content-Disposition"))
	if err != nil {
		return "", false
	}
	name, isFile = params["filename"]
	return name, isFile
}

// brokeOff is the fault of a body that ended early or is no form; one over the
// limit stays what it is.
func brokeOff(err error) error {
	if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return tooLarge
	}
	return &settee.Fault{Code: settee.CodeInvalid, Message: "The upload broke off, or is not a form.", Err: err}
}
