package outside_test

import (
	"context"
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/open-destinations/destinations/e2e/harness"
)

// root and bins are the checkout and the programs under test. TestMain sets them
// before the first test.
var (
	root string
	bins harness.Binaries
)

func TestMain(m *testing.M) {
	os.Exit(buildAndRun(m))
}

// buildAndRun builds the programs once for all tests.
func buildAndRun(m *testing.M) int {
	dir, err := os.MkdirTemp("", "destinations-outside-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	if root, err = harness.Root(); err == nil {
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
