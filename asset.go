package settee

import "time"

// FileType is the folder a name lives in, as ComfyUI's type parameter says it.
type FileType string

// The three folders of an account.
const (
	Input  FileType = "input"
	Output FileType = "output"
	Temp   FileType = "temp"
)

// File is a name as clients use it: in LoadImage, in outputs, in /api/view.
// Subfolder uses "/" and neither starts nor ends with one.
type File struct {
	Filename  string   `json:"filename"`
	Subfolder string   `json:"subfolder"`
	Type      FileType `json:"type"`
}

// Blob is bytes, known by what they are.
type Blob struct {
	Hash string // blake3, 64 lower-case hex digits
	Size int64  // bytes
}

// Asset is an account's record over a blob. (account, type, subfolder,
// filename) is unique.
type Asset struct {
	ID        string
	AccountID string
	File      File
	Blob      Blob
	MIME      string
	JobID     string // the job that made it; empty for uploads
	CreatedAt time.Time
}
