package checks

import (
	"strconv"
	"strings"
	"testing"
	"time"
)

// graceMargin is how much longer a supervisor has to wait than the service does: when its
// own grace has passed it ends by itself, and the journal is closed before.
const graceMargin = 5 * time.Second

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// variables are name=value pairs, by name.
func variables(pairs []string) map[string]string {
	all := map[string]string{}
	for _, pair := range pairs {
		name, value, _ := strings.Cut(pair, "=")
		all[name] = value
	}
	return all
}

// flagsOf are the values of --name=value arguments, by name.
func flagsOf(args []string) map[string]string {
	all := map[string]string{}
	for _, arg := range args {
		if name, value, ok := strings.Cut(strings.TrimPrefix(arg, "--"), "="); ok {
			all[name] = value
		}
	}
	return all
}

func duration(t *testing.T, text string) time.Duration {
	t.Helper()
	d, err := time.ParseDuration(text)
	must(t, err)
	return d
}

// size reads a size of the service's, systemd's or Kubernetes's flags, in powers of 1,024.
func size(t *testing.T, text string) int64 {
	t.Helper()
	number := strings.TrimRight(text, "iBKMG")
	n, err := strconv.ParseInt(number, 10, 64)
	must(t, err)
	switch unit := strings.TrimPrefix(text, number); strings.TrimSuffix(strings.TrimSuffix(unit, "B"), "i") {
	case "K":
		return n << 10
	case "M":
		return n << 20
	case "G":
		return n << 30
	}
	t.Fatalf("%q has no unit of a size", text)
	return 0
}

// checkMemory fails the test unless a limit has room for half as much again as --memory:
// what the service does not count, and pages of files that are being written.
func checkMemory(t *testing.T, what string, limit, memory int64) {
	t.Helper()
	if limit < memory/2*3 {
		t.Errorf("%s is %d MiB, want half as much again as --memory, %d MiB", what, limit>>20, memory>>20)
	}
}
