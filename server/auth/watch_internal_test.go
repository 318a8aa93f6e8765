package auth

import (
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"
)

// What somebody is writing counts when he is done, and not half of it; what is known to be
// whole counts at once.
func TestAFileThatIsBeingWrittenIsWaitedFor(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	var loaded []string
	s := &source{name: "f", paths: []string{path}, most: 100, load: func(texts [][]byte) error {
		loaded = append(loaded, string(texts[0]))
		return nil
	}}
	write := func(text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("a")
	if err := s.first(); err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	for _, step := range []struct {
		text  string
		whole bool
		took  bool
	}{
		{"", false, false}, {"b", false, false}, {"bc", false, false}, {"bc", false, true}, {"bc", false, false},
		{"d", true, true}, {"e", false, false}, {"d", false, false}, {"e", false, false}, {"e", false, true},
	} {
		write(step.text)
		if took := s.again(log, step.whole); took != step.took {
			t.Errorf("%+v: got %v", step, took)
		}
	}
	if want := []string{"a", "bc", "d", "e"}; !slices.Equal(loaded, want) {
		t.Errorf("got %q, want %q", loaded, want)
	}
}

// A pipe in the place of a file is refused, and not waited for.
func TestAPipeIsNoFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	read := make(chan error, 1)
	go func() {
		_, err := readFile(path, 100)
		read <- err
	}()
	select {
	case err := <-read:
		if err == nil {
			t.Error("a pipe was read")
		}
	case <-time.After(10 * time.Second):
		os.OpenFile(path, os.O_RDWR, 0) // lets it go
		t.Error("a pipe is waited for")
	}
}
