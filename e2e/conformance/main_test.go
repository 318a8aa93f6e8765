package conformance_test

import (
	"os"
	"testing"

	"github.com/open-destinations/destinations/e2e/harness"
)

// root and bins are the checkout and the programs under test. TestMain sets them before
// the first test.
var (
	root string
	bins harness.Binaries
)

func TestMain(m *testing.M) {
	os.Exit(harness.RunTests(m, func(checkout string, built harness.Binaries) { root, bins = checkout, built }))
}

// must ends the test if err is not nil.
func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
