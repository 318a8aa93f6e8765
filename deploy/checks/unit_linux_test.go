package checks

import (
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// mostExposed is how exposed systemd-analyze may find the unit, in tenths: it is 1.2, of
// which 0.8 are that it speaks over the network.
const mostExposed = "12"

// systemd itself finds nothing wrong with the unit.
func TestUnitVerifies(t *testing.T) {
	// The program that the unit runs lies where it says, in this process's namespace.
	bin := t.TempDir()
	must(t, unix.Mount(bin, "/usr/local/bin", "", unix.MS_BIND, ""))
	defer func() { must(t, unix.Unmount("/usr/local/bin", unix.MNT_DETACH)) }()
	must(t, copyFile(built.First, filepath.Join(bin, "destinations")))
	dropIns := filepath.Join(t.TempDir(), "destinations.service.d")
	service := filepath.Join(filepath.Dir(dropIns), "destinations.service")
	must(t, copyFile(unitFile, service))
	must(t, copyFile("../systemd/credentials.conf", filepath.Join(dropIns, "credentials.conf")))
	analyze(t, "verify", "--man=no", unitFile)
	analyze(t, "verify", "--man=no", service)
	analyze(t, "security", "--offline=true", "--threshold="+mostExposed, unitFile)
	users, err := filepath.Abs("../systemd/destinations.sysusers.conf")
	must(t, err)
	if out, err := exec.Command("systemd-sysusers", "--dry-run", users).CombinedOutput(); err != nil {
		t.Errorf("systemd-sysusers: %v\n%s", err, out)
	}
}

// analyze runs systemd-analyze, which warns with words alone.
func analyze(t *testing.T, args ...string) {
	t.Helper()
	out, err := exec.Command("systemd-analyze", args...).CombinedOutput()
	if err != nil || args[0] == "verify" && len(out) > 0 {
		t.Errorf("systemd-analyze %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// The service starts with the unit's command line, variables and files, in its sandbox as
// far as that can be had without systemd.
func TestUnitStarts(t *testing.T) {
	u := readUnit(t, unitFile)
	w := newWorld(t)
	b := w.box(64_321, u.environment())
	b.Args = strings.Fields(u.service(t, "ExecStart"))
	w.install(b.Args[0])
	w.file("/etc/destinations/config.yaml", read(t, "../systemd/config.yaml"))
	w.access("/etc/destinations/tls", "/etc/destinations/tokens.json", "/etc/destinations/grants.yaml")
	w.writable(b, "/var/lib/destinations", 0o700, 0)
	w.writable(b, "/var/log/destinations", 0o750, 0)
	w.writable(b, "/tmp", 0o1777, 0)
	b.Syscalls = systemCalls(t, u["Service.SystemCallFilter"])
	b.Families = families(t, u.service(t, "RestrictAddressFamilies"))
	b.NoExec = u.service(t, "MemoryDenyWriteExecute") == "yes"

	p := w.start(b)
	w.prove(p)
	if kill := strings.Fields(u.service(t, "ExecReload")); kill[1] != "-HUP" {
		t.Errorf("a reload is %q", kill)
	}
	w.flush("127.0.0.1:50052")
	p.signal(syscall.SIGHUP)
	w.healthy("--config", filepath.Join(w.root, "etc/destinations/config.yaml"), "--tls-ca", w.ca)
	p.stop()
	w.checkFolder("/var/lib/destinations", b.UID)
}

// What a start that can never work exits with ends the restarts, and nothing else does.
func TestUnitRestarts(t *testing.T) {
	u := readUnit(t, unitFile)
	if restart := u.service(t, "Restart"); restart != "on-failure" {
		t.Errorf("Restart is %s", restart)
	}
	w := newWorld(t)
	last := strconv.Itoa(w.exitCode("serve", "--data-dir", filepath.Join(w.root, "data"), "--window", "1ms"))
	if never := u.service(t, "RestartPreventExitStatus"); last != never {
		t.Errorf("a flag that can't be ends the service with %s, and %s ends the restarts", last, never)
	}
	again := strconv.Itoa(w.exitCode("serve", "--data-dir", "/dev/null/data"))
	if again == last || again == "0" {
		t.Errorf("a folder that can't be had ends the service with %s", again)
	}
	if len(u["Unit.StartLimitBurst"]) != 1 || len(u["Unit.StartLimitIntervalSec"]) != 1 {
		t.Error("nothing ends the restarts of a start that is always refused")
	}
}

// systemCalls are what a filter allows: names, groups, and what is taken away again.
func systemCalls(t *testing.T, filters []string) []string {
	t.Helper()
	var all []string
	for _, filter := range filters {
		groups, taken := strings.CutPrefix(filter, "~")
		for group := range strings.FieldsSeq(groups) {
			members := membersOf(t, group)
			if taken {
				all = slices.DeleteFunc(all, func(name string) bool { return slices.Contains(members, name) })
			} else {
				all = append(all, members...)
			}
		}
	}
	if len(all) < 100 {
		t.Fatalf("the filter allows %d system calls: the test shows nothing", len(all))
	}
	return all
}

// membersOf are the system calls of a group, as this systemd has it.
func membersOf(t *testing.T, group string) (all []string) {
	t.Helper()
	if !strings.HasPrefix(group, "@") {
		return []string{group}
	}
	out, err := exec.Command("systemd-analyze", "syscall-filter", "--no-pager", group).Output()
	must(t, err)
	for line := range strings.Lines(string(out)) {
		switch name := strings.TrimSpace(line); {
		case name == group, name == "", strings.HasPrefix(name, "#"):
		case strings.HasPrefix(line, " "):
			all = append(all, membersOf(t, name)...)
		}
	}
	return all
}

// families are the address families of a unit's option.
func families(t *testing.T, names string) (all []uint64) {
	t.Helper()
	known := map[string]uint64{"AF_INET": unix.AF_INET, "AF_INET6": unix.AF_INET6, "AF_UNIX": unix.AF_UNIX}
	for name := range strings.FieldsSeq(names) {
		family, ok := known[name]
		if !ok {
			t.Fatalf("%s: the test does not know it", name)
		}
		all = append(all, family)
	}
	return all
}
