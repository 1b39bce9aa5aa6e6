package asset

import (
	"strings"

	"github.com/settee/settee"
)

// CheckMade refuses the name of a file that a job made, or shows again, when it
// leaves its folder, is no plain path, cannot be kept, or is a name for other
// bytes: what a worker says is not believed. A new file is an output or a temp
// one. Names that ComfyUI can give and some systems could not have pass. The
// error is a Fault of CodeInvalid.
func CheckMade(f settee.File, isNew bool) error {
	if err := known(f.Type); err != nil {
		return err
	}
	if isNew && f.Type == settee.Input {
		return settee.Faultf(settee.CodeInvalid, "A job makes outputs and temp files, not inputs.")
	}
	inside, ok := below(f.Subfolder)
	_, hash := HashName(f.Filename)
	switch {
	case !ok || inside != f.Subfolder:
		return settee.Faultf(settee.CodeInvalid, "The subfolder is no plain path below the folder.")
	case f.Filename == "" || f.Filename == "." || f.Filename == ".." || strings.Contains(f.Filename, "/"):
		return settee.Faultf(settee.CodeInvalid, "The file name is no plain name.")
	case strings.Contains(f.Filename+f.Subfolder, `\`) || !storable(f.Filename+f.Subfolder) ||
		strings.ContainsFunc(f.Filename+f.Subfolder, func(c rune) bool { return c < ' ' || c == 0x7f }):
		return settee.Faultf(settee.CodeInvalid, "The file name has characters that no name may have.")
	case len(f.Filename) > 255 || len(f.Subfolder) > MaxPath:
		return settee.Faultf(settee.CodeInvalid, "The file name is too long.")
	case hash:
		return settee.Faultf(settee.CodeInvalid, "The file name is the hash of other bytes.")
	}
	return nil
}
