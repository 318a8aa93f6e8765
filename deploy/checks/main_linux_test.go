package checks

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// The tests run in namespaces of their own, in which ports and mounts disturb nobody. So
// this program starts itself: as root, or as whoever may make namespaces.
const (
	stageVariable = "CHECKS_STAGE"
	stageInside   = "inside" // the tests
	stageEnter    = "enter"  // the service's process, before it is the service
)

// built are the two builds of the service that the tests are given, of the same files in two
// folders.
var built struct{ First, Second string }

const builtVariable = "CHECKS_BUILT"

func TestMain(m *testing.M) {
	var code int
	var err error
	switch os.Getenv(stageVariable) {
	case stageEnter:
		err = enter(os.Getenv(boxVariable))
	case stageInside:
		if err = json.Unmarshal([]byte(os.Getenv(builtVariable)), &built); err == nil {
			err = isolate()
		}
		if err == nil {
			code = m.Run()
		}
	default:
		code, err = outside()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "checks:", err)
		os.Exit(1)
	}
	os.Exit(code)
}

// outside builds the service twice and runs the tests in namespaces.
func outside() (code int, err error) {
	dir, err := os.MkdirTemp("", "checks-")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := os.Chmod(dir, 0o755); err != nil { // the service's user goes through it
		return 0, err
	}
	if built.First, err = buildIn(filepath.Join(dir, "one")); err != nil {
		return 0, err
	}
	if built.Second, err = buildIn(filepath.Join(dir, "a", "second", "one")); err != nil {
		return 0, err
	}
	paths, err := json.Marshal(built)
	if err != nil {
		return 0, err
	}
	tests := exec.Command("/proc/self/exe", os.Args[1:]...)
	tests.Env = append(os.Environ(), stageVariable+"="+stageInside, builtVariable+"="+string(paths))
	tests.Stdin, tests.Stdout, tests.Stderr = os.Stdin, os.Stdout, os.Stderr
	tests.SysProcAttr = namespaces()
	err = tests.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.Exited() {
		return exit.ExitCode(), nil
	}
	if errors.Is(err, os.ErrPermission) {
		err = fmt.Errorf("these tests need root, or a kernel that gives users namespaces: %w", err)
	}
	return 0, err
}

// buildIn copies the checkout into a folder and builds the service there as a release is.
func buildIn(dir string) (binary string, err error) {
	root := filepath.Join("..", "..")
	files, err := exec.Command("git", "-C", root, "ls-files", "-z", "-co", "--exclude-standard").Output()
	if err != nil {
		return "", fmt.Errorf("list the files of the checkout: %w", err)
	}
	for name := range strings.SplitSeq(strings.TrimSuffix(string(files), "\x00"), "\x00") {
		if err := copyFile(filepath.Join(root, name), filepath.Join(dir, name)); err != nil {
			return "", fmt.Errorf("copy the checkout: %w", err)
		}
	}
	binary = filepath.Join(dir, "bin", "destinations")
	build := exec.Command("make", "-C", dir, "release-binary", "VERSION=v1.2.3", "OUT="+binary)
	build.Env = append(os.Environ(), "MAKEFLAGS=") // of the make that runs the tests
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("make release-binary: %w\n%s", err, out)
	}
	return binary, nil
}

// copyFile copies what the build can need: a file that somebody has removed is none.
func copyFile(from, to string) error {
	info, err := os.Lstat(from)
	if errors.Is(err, os.ErrNotExist) || err == nil && !info.Mode().IsRegular() {
		return nil
	}
	content, err := os.ReadFile(from)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(to), 0o755)
	}
	if err == nil {
		err = os.WriteFile(to, content, info.Mode().Perm())
	}
	return err
}

// namespaces are for the tests' process: mounts and network, and for whoever is not root a
// name for him in which he is.
func namespaces() *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	if os.Getuid() != 0 {
		attr.Cloneflags |= syscall.CLONE_NEWUSER
		attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	return attr
}
