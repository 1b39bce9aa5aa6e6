package asset

import (
	"path"
	"strings"
)

// Unknown is the type of bytes that only their maker can read.
const Unknown = "application/octet-stream"

// mimes are the kinds of files that workflows read and make. The table is ours,
// so that an answer does not depend on the machine it comes from.
var mimes = map[string]string{
	".png": "image/png", ".apng": "image/apng", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".jfif": "image/jpeg",
	".webp": "image/webp", ".gif": "image/gif", ".bmp": "image/bmp", ".tif": "image/tiff", ".tiff": "image/tiff",
	".avif": "image/avif", ".heic": "image/heic", ".heif": "image/heif", ".ico": "image/vnd.microsoft.icon",
	".svg": "image/svg+xml", ".svgz": "image/svg+xml", ".exr": "image/x-exr", ".hdr": "image/vnd.radiance",
	".mp4": "video/mp4", ".m4v": "video/mp4", ".webm": "video/webm", ".mov": "video/quicktime", ".mkv": "video/x-matroska",
	".avi": "video/x-msvideo", ".mpg": "video/mpeg", ".mpeg": "video/mpeg", ".ogv": "video/ogg",
	".mp3": "audio/mpeg", ".wav": "audio/wav", ".flac": "audio/flac", ".ogg": "audio/ogg", ".opus": "audio/ogg",
	".m4a": "audio/mp4", ".aac": "audio/aac", ".aiff": "audio/aiff",
	".glb": "model/gltf-binary", ".gltf": "model/gltf+json", ".obj": "model/obj", ".stl": "model/stl", ".ply": Unknown,
	".txt": "text/plain", ".md": "text/markdown", ".csv": "text/csv", ".srt": "text/plain", ".vtt": "text/vtt",
	".json": "application/json", ".yaml": "application/yaml", ".yml": "application/yaml", ".pdf": "application/pdf",
	".html": "text/html", ".htm": "text/html", ".xhtml": "application/xhtml+xml", ".xml": "application/xml",
	".js": "text/javascript", ".mjs": "text/javascript", ".css": "text/css", ".zip": "application/zip",
}

// MIME is the type of a file by its name; Unknown when the name does not tell.
func MIME(filename string) string {
	if m := mimes[strings.ToLower(path.Ext(filename))]; m != "" {
		return m
	}
	return Unknown
}

// inline are the types that a browser shows, or plays, without running them.
var inline = map[string]bool{
	"application/json": true, "application/pdf": true, "application/yaml": true,
	"text/plain": true, "text/csv": true, "text/markdown": true, "text/vtt": true,
	"model/gltf-binary": true, "model/gltf+json": true, "model/obj": true, "model/stl": true,
}

// Harmless reports whether a browser may be handed bytes of that type to show.
// Everything else (pages, scripts, style sheets, SVG and other XML, what we do
// not know) is for saving only.
func Harmless(mime string) bool {
	mime, _, _ = strings.Cut(mime, ";")
	mime = strings.ToLower(strings.TrimSpace(mime))
	kind, sub, _ := strings.Cut(mime, "/")
	switch kind {
	case "image", "video", "audio":
		return sub != "" && !strings.Contains(sub, "xml") && !strings.Contains(sub, "svg")
	}
	return inline[mime]
}
