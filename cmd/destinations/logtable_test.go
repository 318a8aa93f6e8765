package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestLogTableIsComplete holds the table of log lines in docs/operations.md against the
// code: whoever looks a warning or an error up finds it, and no line stands there that
// nothing logs.
func TestLogTableIsComplete(t *testing.T) {
	page, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(page), "| Log line |")
	table, _, _ = strings.Cut(table, "\n\n")
	all, loud := logged(t, "../../batcher", "../../journal", "../../ledger", "../../ownership", "../../server", "../../server/auth", "../../uploader", "../../telemetry", ".")
	if len(loud) < 25 {
		t.Fatalf("%d warnings and errors found in the code: the test shows nothing", len(loud))
	}
	named := regexp.MustCompile("`([^`]+)`")
	listed := map[string]bool{}
	for row := range strings.Lines(table) {
		if cells := strings.SplitN(row, "|", 3); len(cells) == 3 {
			for _, name := range named.FindAllStringSubmatch(cells[1], -1) {
				listed[name[1]] = true
			}
		}
	}
	for line := range listed {
		if start, cut := strings.CutSuffix(line, "..."); cut {
			for text := range all {
				if strings.HasPrefix(text, start) {
					listed[text] = true
					all[line] = true
				}
			}
		}
		if !all[line] {
			t.Errorf("%q is in the table, and nothing logs it", line)
		}
	}
	for text := range loud {
		if !listed[text] {
			t.Errorf("%q is logged as a warning or an error, and not in the table", text)
		}
	}
}

// logged returns the messages that the packages log, and which of them are warnings and
// errors, or may be.
func logged(t *testing.T, folders ...string) (all, loud map[string]bool) {
	t.Helper()
	call := regexp.MustCompile(`[lL]og\.(Debug|Info|Warn|Error|Log)(?:Context)?\((?:[^"]*, )?"([^"]+)"`)
	all, loud = map[string]bool{}, map[string]bool{}
	for _, folder := range folders {
		files, err := filepath.Glob(filepath.Join(folder, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			source, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, found := range call.FindAllStringSubmatch(string(source), -1) {
				all[found[2]] = true
				if found[1] != "Debug" && found[1] != "Info" {
					loud[found[2]] = true
				}
			}
		}
	}
	return all, loud
}
