package cli

import (
	stdbytes "bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/settee/settee"
	"github.com/settee/settee/client"
)

// saver writes outputs below one folder and nowhere else: not through names
// with .., not through absolute ones, not through links that lead out.
type saver struct {
	folder string
	root   *os.Root
	made   []string // folders that were not there before, the deepest first
}

// newSaver makes the folder where it is missing, and tries to write there.
func newSaver(folder string) (s *saver, err error) {
	s = &saver{folder: folder}
	defer func() {
		if err != nil {
			err = errors.Join(bare(err), s.close())
		}
	}()
	for f := filepath.Clean(folder); ; f = filepath.Dir(f) {
		if _, missing := os.Lstat(f); !errors.Is(missing, fs.ErrNotExist) {
			break
		}
		s.made = append(s.made, f)
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return s, err
	}
	if s.root, err = os.OpenRoot(folder); err != nil {
		return s, err
	}
	name := s.unnamed(".")
	trial, err := s.root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return s, err
	}
	return s, errors.Join(trial.Close(), s.root.Remove(name))
}

// bare is an error of the file system without the path.
func bare(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	return err
}

// close leaves no folder that was made and stayed empty.
func (s *saver) close() error {
	var err error
	if s.root != nil {
		err = s.root.Close()
	}
	for _, folder := range s.made {
		if os.Remove(folder) != nil {
			break // it is not empty
		}
	}
	return err
}

// unnamed is a new file's path in a folder of the saver, without a final name.
func (s *saver) unnamed(folder string) string {
	return filepath.Join(folder, ".settee-"+settee.NewID())
}

// saved is where a file lies now, and what was done for that.
type saved struct {
	path   string // as the caller named the folder
	remark string // "" when it was simply written
}

// save fetches a file and puts it below the folder, under its own name. A file
// that is there with the same bytes is left alone; one with other bytes is kept,
// and the new one gets a number.
func (s *saver) save(ctx context.Context, c *client.Client, f settee.File) (saved, error) {
	folder, name := place(f)
	if folder != "." {
		if err := s.root.MkdirAll(folder, 0o755); err != nil {
			return saved{}, err
		}
	}
	tmp, err := s.fetch(ctx, c, f, folder)
	if err != nil {
		return saved{}, err
	}
	defer func() { _ = s.root.Remove(tmp) }() // gone already where it was renamed
	target := filepath.Join(folder, name)
	for n := 1; ; n++ {
		err := s.root.Link(tmp, target)
		if errors.Is(err, errors.ErrUnsupported) || errors.Is(err, fs.ErrPermission) { // no hard links there
			if _, missing := s.root.Lstat(target); errors.Is(missing, fs.ErrNotExist) {
				err = s.root.Rename(tmp, target)
			} else {
				err = fs.ErrExist
			}
		}
		result := saved{path: filepath.Join(s.folder, target)}
		switch {
		case err == nil && n > 1:
			result.remark = fmt.Sprintf("%s is another file and was kept", filepath.Join(s.folder, folder, name))
			return result, nil
		case err == nil:
			return result, nil
		case !errors.Is(err, fs.ErrExist):
			return saved{}, err
		case s.same(tmp, target):
			result.remark = "it was there already, with the same bytes"
			return result, nil
		}
		extension := path.Ext(name)
		target = filepath.Join(folder, fmt.Sprintf("%s (%d)%s", strings.TrimSuffix(name, extension), n, extension))
	}
}

// fetch downloads into a file without a final name, so that nothing is ever
// seen in parts.
func (s *saver) fetch(ctx context.Context, c *client.Client, f settee.File, folder string) (tmp string, err error) {
	content, err := c.View(ctx, f)
	if err != nil {
		return "", err
	}
	defer content.Close()
	tmp = s.unnamed(folder)
	out, err := s.root.OpenFile(tmp, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return "", err
	}
	n, err := io.Copy(out, content)
	if err == nil && content.Size >= 0 && n != content.Size {
		err = io.ErrUnexpectedEOF
	}
	if closed := out.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return "", errors.Join(err, s.root.Remove(tmp))
	}
	return tmp, nil
}

// same reports whether two files have the same bytes.
func (s *saver) same(a, b string) bool {
	one, err := s.root.Open(a)
	if err != nil {
		return false
	}
	defer one.Close()
	two, err := s.root.Open(b)
	if err != nil {
		return false
	}
	defer two.Close()
	infoA, errA := one.Stat()
	infoB, errB := two.Stat()
	if errA != nil || errB != nil || !infoB.Mode().IsRegular() || infoA.Size() != infoB.Size() {
		return false
	}
	bufA, bufB := make([]byte, 64<<10), make([]byte, 64<<10)
	for {
		n, errA := io.ReadFull(one, bufA)
		m, errB := io.ReadFull(two, bufB)
		if !stdbytes.Equal(bufA[:n], bufB[:m]) {
			return false
		}
		if errA != nil || errB != nil {
			return ended(errA) && ended(errB)
		}
	}
}

func ended(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

// place is where a file belongs below the output folder, whatever a server
// wrote: every part is a plain name. folder is "." for the folder itself.
func place(f settee.File) (folder, name string) {
	folder = "."
	for _, part := range parts(f.Subfolder) {
		folder = filepath.Join(folder, part)
	}
	name = "output"
	if all := parts(f.Filename); len(all) > 0 {
		name = all[len(all)-1]
	}
	return folder, name
}

// parts are the plain names of a path of any system, without those that mean
// another folder.
func parts(p string) []string {
	var all []string
	for _, part := range strings.FieldsFunc(p, func(r rune) bool { return r == '/' || r == '\\' }) {
		part = strings.Map(func(r rune) rune {
			if r < ' ' || strings.ContainsRune(`<>:"|?*`, r) {
				return '_'
			}
			return r
		}, printable(part))
		if part = strings.TrimSpace(part); part == "" || strings.Trim(part, ".") == "" {
			continue
		}
		if !filepath.IsLocal(part) {
			part = "_" + part // a device's name on Windows
		}
		all = append(all, part)
	}
	return all
}
