package e2e_test

import (
	"context"
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/open-destinations/destinations/e2e/harness"
)

// bins are the programs under test. TestMain sets them before the first test.
var bins harness.Binaries

func TestMain(m *testing.M) {
	os.Exit(buildAndRun(m))
}

// buildAndRun builds the programs once for all tests, without the race detector
// of the tests: it is the binary that users get.
func buildAndRun(m *testing.M) int {
	dir, err := os.MkdirTemp("", "destinations-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	root, err := harness.Root()
	if err == nil {
		bins, err = harness.Build(context.Background(), root, dir, func(string) {})
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	code := m.Run()
	if err := goleak.Find(); code == 0 && err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}
