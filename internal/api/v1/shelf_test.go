package v1_test

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/api"
	"github.com/settee/settee/internal/api/v1"
	"github.com/settee/settee/internal/asset"
	"github.com/settee/settee/internal/blob"
	"github.com/settee/settee/internal/store"
	"github.com/settee/settee/internal/store/storetest"
)

// shelf is the surface over real files; only who asks is made up.
type shelf struct {
	t       *testing.T
	api     *v1.API
	handler http.Handler
	clock   *clock
	db      *store.DB
	blobs   string // folder
}

func newShelf(t *testing.T, open bool) *shelf {
	t.Helper()
	db := storetest.SQLite(t)
	for _, id := range []string{"a", "b", "everybody"} {
		storetest.Account(t, db, id, settee.Tier{})
	}
	s := &shelf{t: t, db: db, clock: &clock{now: start}, blobs: filepath.Join(t.TempDir(), "blobs")}
	disk, err := blob.NewDisk(s.blobs)
	if err != nil {
		t.Fatal(err)
	}
	s.api = &v1.API{
		Assets: asset.New(db, disk, asset.Options{Now: s.clock.Now, Secret: []byte("secret")}),
		Open:   open,
		Now:    s.clock.Now,
	}
	r := api.New(api.Deps{Accounts: keys{}, Open: open, Log: slog.New(slog.DiscardHandler), Now: s.clock.Now})
	s.api.Mount(r)
	s.handler = r
	return s
}

// ask sends a request, as account a where headers say nothing else.
func (s *shelf) ask(method, target string, body io.Reader, header ...string) answer {
	s.t.Helper()
	q := httptest.NewRequest(method, target, body)
	if q.Host == "example.com" {
		q.Host = "127.0.0.1:8188"
	}
	if !slices.Contains(header, "X-API-Key") {
		q.Header.Set("X-API-Key", "key-a")
	}
	for i := 0; i < len(header); i += 2 {
		q.Header.Set(header[i], header[i+1])
		if header[i+1] == "" {
			q.Header.Del(header[i])
		}
	}
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, q)
	return answer{s.t, w.Code, w.Result().Header, w.Body.String()}
}

func (s *shelf) get(target string, header ...string) answer {
	s.t.Helper()
	return s.ask("GET", target, nil, header...)
}

// field is a part of a form; one with file is sent as a file of that name.
type field struct {
	name, value string
	file        *string
}

func plain(name, value string) field { return field{name: name, value: value} }

func file(name, filename, content string) field {
	return field{name: name, value: content, file: &filename}
}

// form writes a multipart body and its Content-Type.
func form(t *testing.T, fields ...field) (body []byte, contentType string) {
	t.Helper()
	var out bytes.Buffer
	w := multipart.NewWriter(&out)
	quote := strings.NewReplacer(`"`, `\"`)
	for _, f := range fields {
		disposition := `form-data; name="` + f.name + `"`
		if f.file != nil {
			disposition += `; filename="` + quote.Replace(*f.file) + `"`
		}
		part, err := w.CreatePart(textproto.MIMEHeader{"Content-Disposition": {disposition}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(part, f.value); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes(), w.FormDataContentType()
}

func (s *shelf) post(target string, fields ...field) answer {
	s.t.Helper()
	body, contentType := form(s.t, fields...)
	return s.ask("POST", target, bytes.NewReader(body), "Content-Type", contentType)
}

// put uploads a file that must be accepted under its own name.
func (s *shelf) put(filename, content string) {
	s.t.Helper()
	s.post("/upload/image", file("image", filename, content)).is(200, `{"name":"`+filename+`","subfolder":"","type":"input"}`)
}

// stored are the files in the blob folder and the small ones in the database.
func (s *shelf) stored() []string {
	s.t.Helper()
	all, err := filepath.Glob(filepath.Join(s.blobs, "*", "*"))
	if err != nil {
		s.t.Fatal(err)
	}
	err = s.db.Read(s.t.Context(), func(tx *store.Tx) error {
		small, err := store.Collect(tx, store.One[string], `SELECT hash FROM blob_contents`)
		all = append(all, small...)
		return err
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return all
}

// painted is a PNG of one colour.
func painted(t *testing.T, width, height int, c color.NRGBA) string {
	t.Helper()
	img := image.NewNRGBA(image.Rect(0, 0, width, height))
	for i := range width * height {
		img.SetNRGBA(i%width, i/width, c)
	}
	var out bytes.Buffer
	if err := png.Encode(&out, img); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// pixel decodes a picture and gives its size and the pixel at the origin.
func pixel(t *testing.T, content string) (image.Rectangle, color.NRGBA) {
	t.Helper()
	img, _, err := image.Decode(strings.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	return img.Bounds(), color.NRGBAModel.Convert(img.At(0, 0)).(color.NRGBA)
}
