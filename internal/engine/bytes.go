package engine

import (
	"bytes"
	"encoding/hex"
	"io"

	"github.com/zeebo/blake3"

	"github.com/settee/settee"
)

// Sizes of small files, whose bytes lie in the database beside their names.
const (
	// MaxSmall is how many bytes a small file has at most: what a file system does
	// to keep so few costs more than they do. (docs/decisions.md)
	MaxSmall = 64 << 10
	// MaxTogether is how many bytes the small files of one output have together
	// at most, as they are one unit of the database, and one call of a worker
	// elsewhere.
	MaxTogether = 512 << 10
)

// Bytes says what the bytes of a file are. Those of a small file may come along:
// then nobody has kept them yet, and the unit that names the file does.
type Bytes struct {
	settee.Blob `json:"blob"`
	Small       []byte `json:"small,omitzero"` // nil: they are kept already
}

// ReadBytes reads content that is small to its end. Of any other it reads the
// beginning alone, and rest is all of it.
func ReadBytes(content io.Reader) (b Bytes, rest io.Reader, err error) {
	head, err := io.ReadAll(io.LimitReader(content, MaxSmall+1))
	switch {
	case err != nil:
		return b, nil, err
	case len(head) > MaxSmall:
		return b, io.MultiReader(bytes.NewReader(head), content), nil
	}
	return BytesOf(head), nil, nil
}

// BytesOf is what small bytes are.
func BytesOf(small []byte) Bytes {
	sum := blake3.Sum256(small)
	return Bytes{settee.Blob{Hash: hex.EncodeToString(sum[:]), Size: int64(len(small))}, small}
}

// Check refuses bytes that came along and are not what they are said to be, or
// not small. The error is a Fault of CodeInvalid or CodeTooLarge.
func (b Bytes) Check() error {
	switch {
	case len(b.Small) > MaxSmall:
		return settee.Faultf(settee.CodeTooLarge, "A file of more than %d bytes is uploaded by itself.", MaxSmall)
	case b.Small != nil && BytesOf(b.Small).Blob != b.Blob:
		return settee.Faultf(settee.CodeInvalid, "The bytes of a file are not those of its hash and size.")
	}
	return nil
}
