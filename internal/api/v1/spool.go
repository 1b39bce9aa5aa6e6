package v1

import "os"

// spool is a file that nobody else sees and that is gone when it is dropped: for
// bytes that are needed twice and must not stay in memory.
type spool struct{ *os.File }

func newSpool() (spool, error) {
	f, err := os.CreateTemp("", "settee-*")
	return spool{f}, err
}

// drop removes the file. What is left when that fails is the system's to clean.
func (s spool) drop() {
	s.Close()
	_ = os.Remove(s.Name())
}
