package harness

import (
	"context"
	"fmt"
	"os"

	"go.uber.org/goleak"
)

// RunTests builds the programs once for all tests of a package, without the race
// detector of the tests (it is the binary that users get), hands them and the
// checkout's root to use, runs the tests of m, a *testing.M, and looks for
// goroutines that they have left. It returns the exit code.
func RunTests(m interface{ Run() int }, use func(root string, bins Binaries)) int {
	dir, err := os.MkdirTemp("", "destinations-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	root, err := Root()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	bins, err := Build(context.Background(), root, dir, func(string) {})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	use(root, bins)
	code := m.Run()
	if err := goleak.Find(); code == 0 && err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}
