package main

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/open-destinations/destinations"

// mayImport says which packages of the project each package may import: the front
// half and the back half meet in the journal alone. A folder that is not listed is
// held to its parent's line.
var mayImport = map[string][]string{
	"gen":                   {"gen"},
	"journal":               {},
	"journal/journaltest":   {"journal"},
	"uploader":              {},
	"uploader/uploadertest": {"uploader"},
	"server":                {"journal", "server/auth", "server/limits", "gen/destinations/v1", "gen/destinations/journal/v1"},
	"server/auth":           {"server/limits"},
	"server/limits":         {},
	"policy":                {},
	"batcher":               {"journal", "uploader", "gen/destinations/journal/v1"},
	"telemetry":             {"server", "journal", "batcher", "uploader", "gen/destinations/v1"},
	"cmd/destinations":      {"server", "server/auth", "server/limits", "journal", "batcher", "ledger", "ownership", "uploader", "telemetry", "policy", "gen/destinations/v1", "gen/destinations/journal/v1"},
	"ledger":                {"journal", "gen/destinations/journal/v1"},
	"ownership":             {"journal", "uploader"},
	"e2e":                   {"e2e", "gen", "journal", "server", "uploader"},
	"bench":                 {"e2e", "gen/destinations/v1", "batcher", "uploader"},
}

// outside says which packages may import a library that others must not know.
var outside = map[string][]string{
	"github.com/aws/":            {"uploader", "uploader/uploadertest", "cmd/destinations", "e2e"},
	"google.golang.org/grpc":     {"gen", "server", "cmd/destinations", "e2e", "bench"},
	"github.com/alecthomas/":     {"cmd/destinations"},
	"go.yaml.in/":                {"cmd/destinations", "server/auth", "policy"},
	"github.com/coreos/":         {"server/auth"},
	"github.com/go-jose/":        {"server/auth"},
	"golang.org/x/time":          {"server", "server/auth", "server/limits", "telemetry"},
	"github.com/schollz/":        {"cmd/destinations"},
	"github.com/klauspost/":      {"uploader", "cmd/destinations"},
	"golang.org/x/sys":           {"journal"},
	"go.opentelemetry.io/":       {"telemetry", "e2e"},
	"github.com/prometheus/":     {"telemetry"},
	"google.golang.org/protobuf": {"gen", "server", "batcher", "ledger", "cmd/destinations", "e2e", "bench"},
	"modernc.org/":               {"ledger"},
	"database/sql":               {"ledger"},
}

func TestImportArrows(t *testing.T) {
	root := filepath.Join("..", "..")
	for _, file := range goFiles(t, root) {
		folder := filepath.ToSlash(filepath.Dir(file))
		rule := ruleOf(folder)
		if rule == "" {
			t.Errorf("%s: no rule says what %s may import", file, folder)
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, file), nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, spec := range parsed.Imports {
			path, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			checkImport(t, file, rule, path)
		}
	}
}

// goFiles are the module's Go files but for tests, relative to root. Folders that
// are modules of their own, and hidden ones, are left out.
func goFiles(t *testing.T, root string) []string {
	t.Helper()
	var files []string
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := entry.Name()
		if entry.IsDir() && path != root {
			_, err := os.Stat(filepath.Join(path, "go.mod"))
			if err == nil || strings.HasPrefix(name, ".") || name == "testdata" {
				return filepath.SkipDir
			}
		}
		if strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go") {
			relative, err := filepath.Rel(root, path)
			files = append(files, relative)
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// ruleOf is the line of mayImport that a folder is held to; "" for none.
func ruleOf(folder string) string {
	for folder != "." {
		if _, ok := mayImport[folder]; ok {
			return folder
		}
		folder = filepath.ToSlash(filepath.Dir(folder))
	}
	return ""
}

// checkImport fails the test if the packages under rule may not import path.
func checkImport(t *testing.T, file, rule, path string) {
	t.Helper()
	if within, ok := strings.CutPrefix(path, module+"/"); ok {
		under := func(allowed string) bool { return within == allowed || strings.HasPrefix(within, allowed+"/") }
		if !slices.ContainsFunc(mayImport[rule], under) {
			t.Errorf("%s: %s must not import %s", file, rule, within)
		}
	}
	for library, allowed := range outside {
		if strings.HasPrefix(path, library) && !slices.Contains(allowed, rule) {
			t.Errorf("%s: %s must not import %s", file, rule, path)
		}
	}
}
