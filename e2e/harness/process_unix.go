//go:build unix && !linux

package harness

import "syscall"

// ownGroup puts a child into a process group of its own, so that a Ctrl-C reaches
// it through its parent only. This system can't be told to kill it when its
// parent is killed.
func ownGroup() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
