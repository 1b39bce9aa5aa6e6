package cli

import (
	"fmt"
	"runtime"
)

type version struct{}

func (version) Run(p *Program) error {
	_, err := fmt.Fprintf(p.Out, "settee %s (%s, %s/%s)\n", p.Version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return err
}
