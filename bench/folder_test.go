package main

import "testing"

const mountinfo = `22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
23 22 0:21 / /tmp rw,nosuid shared:2 - tmpfs tmpfs rw
24 22 254:1 / /home/a\040b rw shared:3 - xfs /dev/vdb rw
25 24 254:2 / /home/a\040b/c rw - btrfs /dev/vdc rw
26 23 254:3 / /tmp rw shared:2 - ext4 /dev/vdd rw
`

func TestMountOf(t *testing.T) {
	for path, want := range map[string]mount{
		"/":            {"ext4", "/dev/vda"},
		"/home/x":      {"ext4", "/dev/vda"},
		"/tmpx":        {"ext4", "/dev/vda"},
		"/tmp/x":       {"ext4", "/dev/vdd"}, // mounted over the other
		"/home/a b/d":  {"xfs", "/dev/vdb"},
		"/home/a b/c":  {"btrfs", "/dev/vdc"},
		"/home/a b/cd": {"xfs", "/dev/vdb"},
	} {
		if got, err := mountOf(mountinfo, path); err != nil || got != want {
			t.Errorf("%s: got %v, %v, want %v", path, got, err, want)
		}
	}
	if got, err := mountOf("nonsense\n", "/x"); err == nil {
		t.Errorf("got %v, want an error", got)
	}
}

func TestCPUModel(t *testing.T) {
	if got := cpuModel("processor\t: 0\nmodel\t\t: 17\nmodel name\t: A CPU @ 1GHz\n"); got != "A CPU @ 1GHz" {
		t.Errorf("got %q", got)
	}
}
