package checks

import (
	"bytes"
	"debug/buildinfo"
	"debug/elf"
	"os"
	"strings"
	"testing"
)

// A release is one file that needs no other, and the same bytes whichever folder it is built
// in.
func TestReleaseIsStaticAndReproducible(t *testing.T) {
	first, err := os.ReadFile(built.First)
	must(t, err)
	second, err := os.ReadFile(built.Second)
	must(t, err)
	if !bytes.Equal(first, second) {
		t.Error("two folders make two different programs")
	}
	program, err := elf.NewFile(bytes.NewReader(first))
	must(t, err)
	libraries, err := program.ImportedLibraries()
	must(t, err)
	if program.Section(".interp") != nil || len(libraries) > 0 {
		t.Errorf("it is loaded by %v, with %q", program.Section(".interp"), libraries)
	}
	info, err := buildinfo.Read(bytes.NewReader(first))
	must(t, err)
	if settings := info.String(); !strings.Contains(settings, "CGO_ENABLED=0") || !strings.Contains(settings, "-trimpath=true") {
		t.Errorf("it was built with\n%s", settings)
	}
	w := newWorld(t)
	if out := w.command("", "version"); !strings.HasPrefix(out, "destinations v1.2.3\n") {
		t.Errorf("it says that it is %q", out)
	}
}
