package e2e_test

import (
	"os"
	"testing"

	"github.com/open-destinations/destinations/e2e/harness"
)

// bins are the programs under test. TestMain sets them before the first test.
var bins harness.Binaries

func TestMain(m *testing.M) {
	os.Exit(harness.RunTests(m, func(_ string, built harness.Binaries) { bins = built }))
}
