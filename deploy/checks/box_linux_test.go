package checks

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/elastic/go-seccomp-bpf"
	"github.com/elastic/go-seccomp-bpf/arch"
	"golang.org/x/sys/unix"
)

// box is what a process sees of the machine, and may do there.
type box struct {
	Root     string            // becomes its read-only root
	Writable map[string]string // folders in it, by path there: a folder outside, mounted
	UID      int               // its user and group
	Groups   []int             // more groups of its
	Args     []string          // what is run; the first is a path in Root
	Env      []string

	Syscalls []string // all that it may call; nil = everything
	Families []uint64 // of the sockets that it may make, where Syscalls is set
	NoExec   bool     // no memory that was writable can be run
}

const boxVariable = "CHECKS_BOX"

// isolate keeps mounts from leaving this namespace, and brings loopback up.
func isolate() error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
	if err != nil {
		return fmt.Errorf("bring loopback up: %w", err)
	}
	defer unix.Close(fd)
	request, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	request.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	if err := unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, request); err != nil {
		return fmt.Errorf("bring loopback up: %w", err)
	}
	return nil
}

// enter makes this process, which has mounts of its own, the one that text describes.
func enter(text string) error {
	var b box
	if err := json.Unmarshal([]byte(text), &b); err != nil {
		return err
	}
	if err := b.mount(); err != nil {
		return err
	}
	if os.Getenv("CHECKS_ROOT") != "" { // in a user namespace of one there is nobody else to be
		if err := errors.Join(syscall.Setgroups(b.Groups), syscall.Setgid(b.UID), syscall.Setuid(b.UID)); err != nil {
			return fmt.Errorf("be user %d: %w", b.UID, err)
		}
	}
	if err := b.restrict(); err != nil {
		return err
	}
	return fmt.Errorf("run %s: %w", b.Args[0], syscall.Exec(b.Args[0], b.Args, b.Env))
}

// mount changes the root.
func (b *box) mount() error {
	mounts := func(from, to string, flags uintptr) error {
		if err := unix.Mount(from, to, "", flags, ""); err != nil {
			return fmt.Errorf("mount %s on %s: %w", from, to, err)
		}
		return nil
	}
	err := errors.Join(mounts("", "/", unix.MS_REC|unix.MS_PRIVATE), mounts(b.Root, b.Root, unix.MS_BIND|unix.MS_REC))
	for inside, outside := range b.Writable {
		err = errors.Join(err, mounts(outside, filepath.Join(b.Root, inside), unix.MS_BIND))
	}
	err = errors.Join(err,
		mounts("/proc", filepath.Join(b.Root, "proc"), unix.MS_BIND|unix.MS_REC),
		mounts("", b.Root, unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY))
	if err != nil {
		return err
	}
	return errors.Join(unix.Chroot(b.Root), unix.Chdir("/"))
}

// prSetMDWE and prMDWERefuseExecGain are of linux/prctl.h, since 6.3.
const (
	prSetMDWE            = 65
	prMDWERefuseExecGain = 1
)

// restrict takes away what the process may not do.
func (b *box) restrict() error {
	if b.NoExec {
		if err := unix.Prctl(prSetMDWE, prMDWERefuseExecGain, 0, 0, 0); err != nil && !errors.Is(err, unix.EINVAL) { // an older kernel
			return fmt.Errorf("refuse to run what was writable: %w", err)
		}
	}
	if b.Syscalls == nil {
		return unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
	}
	policy, err := b.policy()
	if err != nil {
		return err
	}
	filter := seccomp.Filter{NoNewPrivs: true, Flag: seccomp.FilterFlagTSync, Policy: policy}
	if err := seccomp.LoadFilter(filter); err != nil {
		return fmt.Errorf("filter system calls: %w", err)
	}
	return nil
}

// policy allows what the unit does. Names that this machine has not are no harm.
func (b *box) policy() (seccomp.Policy, error) {
	info, err := arch.GetInfo("")
	if err != nil {
		return seccomp.Policy{}, err
	}
	allowed := seccomp.SyscallGroup{Action: seccomp.ActionAllow}
	for _, name := range b.Syscalls {
		if _, known := info.SyscallNames[name]; known && name != "socket" && !slices.Contains(allowed.Names, name) {
			allowed.Names = append(allowed.Names, name)
		}
	}
	for _, family := range b.Families {
		allowed.NamesWithCondtions = append(allowed.NamesWithCondtions, seccomp.NameWithConditions{
			Name: "socket", Conditions: seccomp.ArgumentConditions{{Argument: 0, Operation: seccomp.Equal, Value: family}},
		})
	}
	return seccomp.Policy{
		DefaultAction: seccomp.ActionErrno, // EPERM
		Syscalls:      []seccomp.SyscallGroup{allowed},
	}, nil
}

// describe is the environment in which this program becomes b's process.
func (b *box) describe() ([]string, error) {
	text, err := json.Marshal(b)
	if err != nil {
		return nil, err
	}
	env := []string{stageVariable + "=" + stageEnter, boxVariable + "=" + string(text)}
	if isRoot() {
		env = append(env, "CHECKS_ROOT=1")
	}
	return env, nil
}

// isRoot says whether this process can be other users: in a user namespace of one it can't.
func isRoot() bool {
	users, err := os.ReadFile("/proc/self/uid_map")
	fields := strings.Fields(string(users))
	return err == nil && len(fields) == 3 && fields[2] != "1"
}
