package main

import (
	"fmt"
	"os"
	"runtime"
	"strings"
)

// sayMachine tells people what the figures were measured on.
func sayMachine(f *folder) {
	kernel, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	cpus, _ := os.ReadFile("/proc/cpuinfo")
	say("machine: %s, %d cores; Linux %s; journal and objects on %s; %s %s", cpuModel(string(cpus)), runtime.NumCPU(),
		strings.TrimSpace(string(kernel)), f.fileSystem, runtime.Version(), runtime.GOARCH)
	if load, err := os.ReadFile("/proc/loadavg"); err == nil {
		say("load of the machine before: %s", firstField(string(load)))
	}
}

// cpuModel is the model's name in the text of /proc/cpuinfo.
func cpuModel(cpuinfo string) string {
	for line := range strings.Lines(cpuinfo) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return fmt.Sprintf("unknown CPU (%s)", runtime.GOARCH)
}

func firstField(s string) string {
	first, _, _ := strings.Cut(s, " ")
	return first
}
