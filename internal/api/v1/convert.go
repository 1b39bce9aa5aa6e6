package v1

import (
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/api"
	"github.com/settee/settee/internal/picture"
)

// conversion is a picture that a view wants to have made of a file.
type conversion struct {
	rgb, alpha bool // without its alpha; alpha alone
	preview    bool
	jpeg       bool // with preview: JPEG, else the best format
	quality    int
	side       int // longest side; 0: as it is
}

// conversionOf reads channel, preview and res; nil when the file is wanted as
// it is. (protocol note 1.5)
func conversionOf(p ViewFileParams) *conversion {
	channel := text(p.Channel)
	c := &conversion{rgb: channel == "rgb", alpha: channel == "a" || channel == "alpha"}
	if p.Res != nil && *p.Res > 0 {
		c.side = min(max(*p.Res, 64), 1024)
	}
	if p.Preview != nil {
		c.preview, c.quality, c.alpha = true, 90, false
		format, quality, _ := strings.Cut(*p.Preview, ";")
		if i := strings.LastIndexByte(quality, ';'); i >= 0 {
			quality = quality[i+1:]
		}
		if n, err := strconv.Atoi(quality); err == nil {
			c.quality = n
		}
		c.jpeg = format == "jpeg" && !strings.Contains(channel, "a")
	}
	if !c.rgb && !c.alpha && !c.preview && c.side == 0 {
		return nil
	}
	return c
}

// convert answers the picture, or a fault. It reports false, and answers
// nothing, for a file that is no picture when all that was asked is that it be
// small.
//
// There is no good WebP encoder in Go: where ComfyUI answers WebP this is JPEG,
// or PNG when there is alpha to keep, and the Content-Type says so.
func (a *API) convert(w http.ResponseWriter, r *http.Request, found settee.Asset, c *conversion) bool {
	src, err := a.Assets.Open(r.Context(), found.Blob.Hash)
	if err != nil {
		api.Fail(w, r, err)
		return true
	}
	defer src.Close()
	p, err := picture.Open(r.Context(), src)
	if err != nil {
		onlySmall := !c.rgb && !c.alpha && !c.preview
		if onlySmall && settee.CodeOf(err) == settee.CodeInvalid {
			return false
		}
		api.Fail(w, r, err)
		return true
	}
	defer p.Close()
	out, err := newSpool() // a slow client must not hold the memory
	if err != nil {
		api.Fail(w, r, err)
		return true
	}
	defer out.drop()
	mime, err := c.write(out, p)
	if err != nil {
		api.Fail(w, r, err)
		return true
	}
	p.Close()
	h := w.Header()
	h.Set("Cache-Control", "private, no-cache")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Type", mime)
	h.Set("Content-Disposition", disposition("", found.File.Filename))
	http.ServeContent(&ranged{ResponseWriter: w}, r, "", time.Time{}, out)
	return true
}

// write makes the picture and says of what type it is.
func (c *conversion) write(out io.Writer, p *picture.Picture) (mime string, err error) {
	if c.side > 0 {
		p.Shrink(c.side)
	}
	switch {
	case c.alpha:
		p.OnlyAlpha()
	case c.rgb:
		p.Opaque()
	}
	small := c.preview || c.side > 0 && !c.rgb && !c.alpha
	if c.jpeg || small && !p.Alpha {
		quality := c.quality
		if !c.preview {
			quality = 85
		}
		return "image/jpeg", p.JPEG(out, quality)
	}
	return "image/png", p.PNG(out, nil)
}
