package harness

import "syscall"

// ownGroup puts a child into a process group of its own, so that a Ctrl-C reaches
// it through its parent only, and lets the kernel kill it when its parent dies.
func ownGroup() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
