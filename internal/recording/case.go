package recording

import (
	"bytes"
	"fmt"
	"image"
	"image/png"
)

// Case is one or more workflows run on a server with empty caches, history and
// folders, and all that was seen of it.
type Case struct {
	Name  string   `json:"name"`
	Title string   `json:"title"`
	Nodes []string `json:"nodes"` // classes in the graphs

	// Compare says how outputs compare: "pixels", "pixels within 1",
	// "pixels within 4", "tensors", "streams", "names and sizes", … Within is
	// the number in it: how far a byte may be off, -1 when it is not by pixels.
	Compare string `json:"compare"`
	Within  int    `json:"within"`

	Required bool     `json:"required"`         // false: an executor may leave it out
	Again    bool     `json:"again,omitempty"`  // a second run gave the same pixels
	Tags     []string `json:"tags,omitempty"`   // "model", "error", "custom nodes"
	Flags    []string `json:"flags,omitempty"`  // of the server's command line
	Notes    []string `json:"notes,omitempty"`  // what to mind
	Clients  []Client `json:"clients"`          // one a socket
	Prompts  []Prompt `json:"prompts"`          // in the order of submission
	Sockets  []Socket `json:"sockets"`          // what each heard
	Steps    []Step   `json:"steps,omitempty"`  // every HTTP call, when there were more than the one submit
	Before   Bytes    `json:"before,omitempty"` // GET /queue at a telling moment
	After    Bytes    `json:"after,omitempty"`  // GET /queue later
	Inputs   []File   `json:"inputs,omitempty"` // files of the input folder
	Presets  []File   `json:"presets,omitempty"`
	Outputs  []Output `json:"outputs,omitempty"` // the files made
}

// Client is a socket's owner.
type Client struct {
	Socket   string `json:"socket"`
	ClientID string `json:"client_id"`
	Features Bytes  `json:"features,omitempty"` // data of the feature_flags it sent; nil: sent none
}

// Prompt is one submission.
type Prompt struct {
	Request  Bytes  `json:"request"` // body of POST /prompt
	Status   int    `json:"status"`
	Response Bytes  `json:"response"`
	History  Bytes  `json:"history,omitempty"` // GET /history/<id> at the end; {} when it was deleted
	Last     string `json:"last,omitempty"`    // type of its last telling frame: execution_success, …
}

// Socket is what a client heard, in order.
type Socket struct {
	Name   string  `json:"name"`
	Frames []Frame `json:"frames"`
}

// Frame is a message of a socket: Text or Binary.
type Frame struct {
	T      float64 `json:"t"` // seconds since the first submit; negative: before it
	Text   Bytes   `json:"text,omitempty"`
	Binary *Binary `json:"binary,omitempty"`
}

// Binary is a frame with a picture or a text.
type Binary struct {
	Type   int    `json:"type"`   // protocol note 2.4
	Header string `json:"header"` // hex of everything before the picture or text
	SHA256 string `json:"sha256"` // of what follows the header
	Size   int    `json:"size"`   // bytes of the whole frame
	Text   string `json:"text,omitempty"`
}

// Step is one HTTP call.
type Step struct {
	T        float64 `json:"t"`        // sent, seconds since the first submit
	Answered float64 `json:"answered"` // same clock
	Method   string  `json:"method"`
	Path     string  `json:"path"`
	Request  Bytes   `json:"request,omitempty"` // nil: no body
	Prompt   int     `json:"prompt,omitempty"`  // this call submitted Prompts[Prompt-1]
	Status   int     `json:"status"`
	Response Bytes   `json:"response,omitempty"` // nil: empty
}

// File lies in a folder before the case starts: path relative to the input
// folder, or for presets to the base directory ("output/x_00007_.png").
type File struct {
	Path string `json:"path"`
	Data Bytes  `json:"data"`
}

// Output is a file that was made.
type Output struct {
	Prompt    int    `json:"prompt"` // 1 for the first
	Node      string `json:"node"`
	Key       string `json:"key"` // of the ui output: images, audio, …
	Filename  string `json:"filename"`
	Subfolder string `json:"subfolder,omitempty"`
	Type      string `json:"type"`
	MIME      string `json:"mime"`
	Size      int    `json:"size"` // bytes
	SHA256    string `json:"sha256"`

	Mode   string   `json:"mode,omitempty"` // of a picture: RGB, RGBA, …
	Width  int      `json:"width,omitempty"`
	Height int      `json:"height,omitempty"`
	Pixels string   `json:"pixels,omitempty"` // sha256 of the decoded bytes, rows top down, channels together
	Frames []string `json:"frames,omitempty"` // the same for each frame of an animation
	Chunks []Chunk  `json:"chunks,omitempty"` // of a PNG, in order
	Detail Bytes    `json:"detail,omitempty"` // streams of a film or sound, tensors of a latent

	// PNG is the recorded picture without its text; nil where pixels mean
	// nothing (diffusion with random weights).
	PNG Bytes `json:"png,omitempty"`
}

// Chunk is a part of a PNG file.
type Chunk struct {
	Type    string `json:"type"`
	Size    int    `json:"size"`
	Keyword string `json:"keyword,omitempty"`
	SHA256  string `json:"sha256,omitempty"` // of a tEXt chunk's text
}

// Picture gives the recorded pixels: 3 or 4 bytes each, rows top down.
func (o Output) Picture() ([]byte, error) {
	if o.PNG == nil {
		return nil, fmt.Errorf("no pixels were kept of %s", o.Filename)
	}
	img, err := png.Decode(bytes.NewReader(o.PNG))
	if err != nil {
		return nil, err
	}
	return decoded(img)
}

// decoded are the bytes of an 8-bit picture, without alpha where the file has
// none.
func decoded(img image.Image) ([]byte, error) {
	switch m := img.(type) {
	case *image.NRGBA:
		return m.Pix, nil
	case *image.RGBA: // an RGB file: opaque
		out := make([]byte, 0, len(m.Pix)/4*3)
		for i := 0; i < len(m.Pix); i += 4 {
			out = append(out, m.Pix[i:i+3]...)
		}
		return out, nil
	}
	return nil, fmt.Errorf("a picture of kind %T", img)
}
