//go:build unix && !linux

package process

import (
	"os/exec"
	"syscall"
)

// group puts the process into a group of its own.
func group(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// ask asks the group to end, end kills it. Both do nothing when it is gone.
func ask(cmd *exec.Cmd) { syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) } //nolint:errcheck // gone
func end(cmd *exec.Cmd) { syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) } //nolint:errcheck // gone
