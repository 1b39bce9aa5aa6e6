//go:build !unix

package process

import "os/exec"

// Without process groups only the process itself is ended.
func group(*exec.Cmd) {}

func ask(cmd *exec.Cmd) { cmd.Process.Kill() } //nolint:errcheck // gone
func end(cmd *exec.Cmd) { cmd.Process.Kill() } //nolint:errcheck // gone
