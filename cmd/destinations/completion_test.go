package main

import (
	"fmt"
	"io"
	"os/exec"
	"strings"
	"testing"
)

func TestCompletionKnowsEveryCommandAndFlag(t *testing.T) {
	parser, err := newParser(&cli{}, &process{stdout: io.Discard, stderr: io.Discard}, func(int) {})
	if err != nil {
		t.Fatal(err)
	}
	for shell, flagAs := range map[string]string{"bash": "--%s ", "zsh": "'--%s", "fish": " -l %s "} {
		got := run(t, "completion", shell)
		if got.code != exitOK || got.stderr != "" {
			t.Errorf("%s: got exit code %d, stderr %q", shell, got.code, got.stderr)
		}
		for _, node := range parser.Model.Children {
			if !strings.Contains(got.stdout, node.Name) {
				t.Errorf("%s: nothing of %s", shell, node.Name)
			}
			for _, flag := range node.Flags {
				if !strings.Contains(got.stdout, fmt.Sprintf(flagAs, flag.Name)) {
					t.Errorf("%s: nothing of %s --%s", shell, node.Name, flag.Name)
				}
			}
		}
	}
}

func TestCompletionOfAnUnknownShellIsRefused(t *testing.T) {
	for _, args := range [][]string{{"completion"}, {"completion", "tcsh"}} {
		if got := run(t, args...); got.code != exitNothing || got.stdout != "" || got.stderr == "" {
			t.Errorf("%v: got %+v", args, got)
		}
	}
}

// What bash itself makes of the script.
func TestBashCompletes(t *testing.T) {
	script := run(t, "completion", "bash").stdout
	for line, want := range map[string]string{
		"destinations ":                              "serve send flush policy completion version",
		"destinations s":                             "serve send",
		"destinations --c":                           "--config",
		"destinations send --":                       "--help --config --target --insecure --bucket --prefix --whole --max-payload-size --retry-for --json",
		"destinations send --re":                     "--retry-for",
		"destinations --config x send --j":           "--json",
		"destinations send --bucket s":               "",
		"destinations send some":                     "",
		"destinations serve --log-level ":            "debug info warn error",
		"destinations serve --log-level = i":         "info",
		"destinations serve --log-level =":           "debug info warn error",
		"destinations serve --log-level debug --upl": "--uploads",
		"destinations completion ":                   "bash zsh fish",
		"destinations version ":                      "",
	} {
		// The words as bash would give them; it is not interactive here.
		words := strings.Split(line, " ")
		program := script + fmt.Sprintf("\nCOMP_WORDS=('%s') COMP_CWORD=%d\n_destinations\necho \"${COMPREPLY[*]}\"", strings.Join(words, "' '"), len(words)-1)
		got, err := exec.Command("bash", "-c", program).Output()
		if err != nil || strings.TrimSuffix(string(got), "\n") != want {
			t.Errorf("%q: got %q, %v; want %q", line, got, err, want)
		}
	}
}
