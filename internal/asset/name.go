package asset

import (
	"path"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/settee/settee"
)

// Limits of new names, in bytes. A part leaves room, below the 255 of file
// systems, for the number of a name that is taken and for what staging puts in
// front.
const (
	MaxPart = 230
	MaxPath = 1024
)

// ParseName checks the name of a file that is to be made. Folders in front of
// filename are added to subfolder, "\" counts as "/", an annotation (" [temp]")
// decides over typ, and an empty typ is input. What could mean another place on
// some system is refused: absolute and drive paths, "..", control characters,
// names of Windows devices, parts that end in a dot or a blank, hash names, and
// what is too long. The error is a Fault of CodeInvalid.
func ParseName(filename, subfolder, typ string) (settee.File, error) {
	filename, typ = annotation(filename, typ)
	if typ == "" {
		typ = string(settee.Input)
	}
	filename, subfolder = strings.ReplaceAll(filename, `\`, "/"), strings.ReplaceAll(subfolder, `\`, "/")
	dir, last := path.Split(filename)
	f := settee.File{Filename: last, Type: settee.FileType(typ)}
	if err := known(f.Type); err != nil {
		return f, err
	}
	if last == "" {
		return f, settee.Faultf(settee.CodeInvalid, "The file has no name.")
	}
	if _, ok := HashName(last); ok {
		return f, settee.Faultf(settee.CodeInvalid, "The file name is the hash of other bytes.")
	}
	if len(subfolder)+len(filename) > MaxPath {
		return f, settee.Faultf(settee.CodeInvalid, "The file name is longer than %d bytes.", MaxPath)
	}
	for _, p := range []string{subfolder, dir} {
		inside, ok := below(p)
		if !ok {
			return f, settee.Faultf(settee.CodeInvalid, "The file name leaves its folder.")
		}
		f.Subfolder = path.Join(f.Subfolder, inside)
	}
	for part := range strings.SplitSeq(f.Subfolder, "/") {
		if part != "" && !portable(part) {
			return f, settee.Faultf(settee.CodeInvalid, "Not every system can have a folder of that name.")
		}
	}
	if !portable(last) {
		return f, settee.Faultf(settee.CodeInvalid, "Not every system can have a file of that name.")
	}
	return f, nil
}

// ReadName reads the name of a file to look for, as /view takes it: only the
// last part of filename counts, an annotation decides over typ, and an empty
// typ is output. Whatever an output may have been called passes. The error is a
// Fault: CodeForbidden when subfolder leaves its folder, else CodeInvalid.
// (protocol note 1.5)
func ReadName(filename, subfolder, typ string) (settee.File, error) {
	filename, typ = annotation(filename, typ)
	if typ == "" {
		typ = string(settee.Output)
	}
	f := settee.File{Filename: path.Base(filename), Type: settee.FileType(typ)}
	if err := known(f.Type); err != nil {
		return f, err
	}
	switch {
	case filename == "" || strings.HasSuffix(filename, "/") || f.Filename == ".":
		return f, settee.Faultf(settee.CodeInvalid, "The file has no name.")
	case filename[0] == '/' || strings.Contains(filename, ".."):
		return f, settee.Faultf(settee.CodeInvalid, "The file name leaves its folder.")
	case !storable(filename) || !storable(subfolder):
		return f, settee.Faultf(settee.CodeInvalid, "The file name has characters that no name can have.")
	}
	var ok bool
	if f.Subfolder, ok = below(subfolder); !ok {
		return f, settee.Faultf(settee.CodeForbidden, "The subfolder leaves its folder.")
	}
	return f, nil
}

// HashName is the hash in a name "blake3:" + 64 hex digits.
func HashName(name string) (hash string, ok bool) {
	hash, ok = strings.CutPrefix(name, "blake3:")
	if !ok || len(hash) != 64 || strings.Trim(hash, "0123456789abcdef") != "" {
		return "", false
	}
	return hash, true
}

// Numbered is what a file is called when n others have taken its name and the
// next ones: "cat.png", "cat (1).png", "cat (2).png".
func Numbered(filename string, n int) string {
	if n == 0 {
		return filename
	}
	stem, ext := split(filename)
	return stem + " (" + strconv.Itoa(n) + ")" + ext
}

// split cuts a name before its extension; dots at its beginning are not one.
func split(filename string) (stem, ext string) {
	if dot := strings.LastIndexByte(filename, '.'); strings.Trim(filename[:max(dot, 0)], ".") != "" {
		return filename[:dot], filename[dot:]
	}
	return filename, ""
}

// Number is the n for which Numbered(wish, n) is name.
func Number(name, wish string) (n int, ok bool) {
	if name == wish {
		return 0, true
	}
	stem, ext := split(wish)
	rest, _ := strings.CutPrefix(name, stem+" (")
	digits, _ := strings.CutSuffix(rest, ")"+ext)
	n, err := strconv.Atoi(digits)
	return n, err == nil && n > 0 && Numbered(wish, n) == name
}

// annotation splits " [input]", " [output]" or " [temp]" off a name; without
// one typ stands.
func annotation(name, typ string) (string, string) {
	for _, t := range []settee.FileType{settee.Input, settee.Output, settee.Temp} {
		if plain, ok := strings.CutSuffix(name, " ["+string(t)+"]"); ok {
			return plain, string(t)
		}
	}
	return name, typ
}

func known(t settee.FileType) error {
	if t != settee.Input && t != settee.Output && t != settee.Temp {
		return settee.Faultf(settee.CodeInvalid, "The type must be input, output or temp.")
	}
	return nil
}

// below cleans a relative path: "a//./b/" is "a/b". It is not ok when the path
// is absolute or climbs above where it starts.
func below(p string) (string, bool) {
	if p == "" {
		return "", true
	}
	clean := path.Clean(p)
	switch {
	case clean == ".":
		return "", true
	case clean[0] == '/' || clean == ".." || strings.HasPrefix(clean, "../"):
		return "", false
	}
	return clean, true
}

// storable reports whether a database can hold the text.
func storable(s string) bool { return utf8.ValidString(s) && !strings.Contains(s, "\x00") }

// portable reports whether one part of a path means the same, and nothing else,
// on every file system.
func portable(part string) bool {
	if len(part) > MaxPart || !utf8.ValidString(part) || strings.HasSuffix(part, ".") || strings.HasSuffix(part, " ") {
		return false
	}
	for _, c := range part {
		if c < ' ' || c == 0x7f {
			return false
		}
	}
	if len(part) > 1 && part[1] == ':' {
		return false // a drive
	}
	stem, _, _ := strings.Cut(part, ".")
	stem, _, _ = strings.Cut(strings.ToUpper(stem), ":")
	switch stem = strings.TrimRight(stem, " "); stem {
	case "CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$":
		return false
	}
	if port, ok := strings.CutPrefix(stem, "COM"); ok {
		return !strings.Contains(devices, "|"+port+"|")
	}
	if port, ok := strings.CutPrefix(stem, "LPT"); ok {
		return !strings.Contains(devices, "|"+port+"|")
	}
	return true
}

// devices are the numbers that Windows' ports may have.
const devices = "|0|1|2|3|4|5|6|7|8|9|¹|²|³|"
