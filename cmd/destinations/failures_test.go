package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestFailuresPageNamesRealTests holds docs/failures.md against the tests that it
// names: a row without a test, or with one that is not there any more, promises what
// nobody checks.
func TestFailuresPageNamesRealTests(t *testing.T) {
	rowsNameTests(t, "../../docs/failures.md", "| What fails")
}

// TestSecurityClaimsNameRealTests holds what SECURITY.md says is defended likewise.
func TestSecurityClaimsNameRealTests(t *testing.T) {
	rowsNameTests(t, "../../SECURITY.md", "| Claim", "| Asset", "| Actor", "| events that", "| the customers'", "| credentials:", "| `token.key`", "| being there", "| stranger |", "| sender |", "| operator of", "| owner of", "| who ")
}

// rowsNameTests fails unless every row of a page's tables names tests that there are, but
// those that begin in one of the ways.
func rowsNameTests(t *testing.T, path string, others ...string) {
	t.Helper()
	page, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	there := testsBelow(t, "../..")
	named := regexp.MustCompile("`(Test[A-Za-z0-9]+)`")
	rows := 0
	for line := range strings.Lines(string(page)) {
		begins := func(with string) bool { return strings.HasPrefix(line, with) }
		if !begins("| ") || slices.ContainsFunc(others, begins) {
			continue
		}
		rows++
		names := named.FindAllStringSubmatch(line, -1)
		if len(names) == 0 {
			t.Errorf("no test is named in the row: %s", line)
		}
		for _, name := range names {
			if !there[name[1]] {
				t.Errorf("%s is named, and is no test", name[1])
			}
		}
	}
	if rows < 20 {
		t.Errorf("got %d rows, want the whole table", rows)
	}
}

// testsBelow returns the names of all test functions of the module.
func testsBelow(t *testing.T, root string) map[string]bool {
	t.Helper()
	there := map[string]bool{}
	declared := regexp.MustCompile(`(?m)^func (Test[A-Za-z0-9]+)\(`)
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() && strings.HasPrefix(entry.Name(), ".") && path != root {
			return fs.SkipDir // what is no source
		}
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		source, err := os.ReadFile(path)
		for _, name := range declared.FindAllStringSubmatch(string(source), -1) {
			there[name[1]] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return there
}
