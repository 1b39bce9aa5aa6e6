package live

import (
	"encoding/binary"
	"encoding/json"
)

// Types of binary messages (protocol note 2.4).
const (
	binaryImage    = 1 // u32 format, image
	binaryText     = 3 // u32 length, node id, text
	binaryMetadata = 4 // u32 length, JSON, image
)

// Formats of a type 1 image.
const (
	formatJPEG = 1
	formatPNG  = 2
)

// binaryType is a binary message's type, 0 when it is too short to have one.
func binaryType(b []byte) uint32 {
	if len(b) < 8 {
		return 0
	}
	return binary.BigEndian.Uint32(b)
}

// plain makes a type 1 message of one of type 4, for those who do not know
// metadata; nil when it is broken.
func plain(b []byte) []byte {
	meta, image, ok := split(b)
	if !ok {
		return nil
	}
	format := uint32(formatJPEG)
	if meta.ImageType == "image/png" {
		format = formatPNG
	}
	out := make([]byte, 0, 8+len(image))
	out = binary.BigEndian.AppendUint32(out, binaryImage)
	out = binary.BigEndian.AppendUint32(out, format)
	return append(out, image...)
}

type metadata struct {
	ImageType string `json:"image_type"`
}

// split takes a type 4 message apart.
func split(b []byte) (meta metadata, image []byte, ok bool) {
	if binaryType(b) != binaryMetadata {
		return meta, nil, false
	}
	n := uint64(binary.BigEndian.Uint32(b[4:]))
	if 8+n > uint64(len(b)) {
		return meta, nil, false
	}
	if json.Unmarshal(b[8:8+n], &meta) != nil {
		return meta, nil, false
	}
	return meta, b[8+n:], true
}

// isPNG tells images that nodes send as results (PNG) from sampler previews
// (JPEG): both come as wanted when the job asked for previews.
func isPNG(b []byte) bool {
	switch binaryType(b) {
	case binaryImage:
		return binary.BigEndian.Uint32(b[4:]) == formatPNG
	case binaryMetadata:
		meta, _, ok := split(b)
		return ok && meta.ImageType == "image/png"
	}
	return false
}
