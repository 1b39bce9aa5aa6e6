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
