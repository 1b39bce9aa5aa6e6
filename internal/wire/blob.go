package wire

// Declare says what will be uploaded: POST /sessions/{session}/blobs. The bytes
// are PUT to /sessions/{session}/blobs/{hash}, from an offset by Content-Range,
// and inputs are read there by GET.
type Declare struct {
	Hash string `json:"hash"` // blake3, 64 hex digits
	Size int64  `json:"size"`
}

// Declared answers Declare: the bytes are known, or known up to an offset.
type Declared struct {
	Receipt string `json:"receipt,omitempty"` // not empty: no upload is needed
	Offset  int64  `json:"offset"`
}

// Stored answers an upload that is complete.
type Stored struct {
	Receipt string `json:"receipt"` // shown when the file is named
}

// Headers of an upload whose hash is not known yet (from version 3): PUT
// /sessions/{session}/uploads/{id}, with an id that the worker draws. The size of
// the whole file ends it, with its last bytes or, without any, after them. POST
// there asks how far it is; DELETE gives it up.
const (
	HeaderOffset = "Upload-Offset" // where the bytes begin; none: 0
	HeaderSize   = "Upload-Length" // of the whole file, once it is known
)

// Streamed answers both: how far an upload is, and what it was when its end was
// said and the bytes are safe.
type Streamed struct {
	Offset  int64  `json:"offset"`
	Hash    string `json:"hash,omitempty"`
	Size    int64  `json:"size,omitempty"`
	Receipt string `json:"receipt,omitempty"` // not empty: its end was said
}
