package main

import (
	"fmt"
	"io"
	"os/exec"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
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
		for _, node := range parser.Model.Leaves(true) {
			if !strings.Contains(got.stdout, node.Name) {
				t.Errorf("%s: nothing of %s", shell, node.Path())
			}
			for _, flag := range node.Flags {
				if !strings.Contains(got.stdout, fmt.Sprintf(flagAs, flag.Name)) {
					t.Errorf("%s: nothing of %s --%s", shell, node.Path(), flag.Name)
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
		"destinations ":                              "serve send flush list status deliveries watch health check confirm redrive dead journal token grants profile policy egress-ips completion version",
		"destinations s":                             "serve send status",
		"destinations --c":                           "--config",
		"destinations send --":                       "--help --config --target --insecure --tls --tls-ca --tls-server-name --tls-client-cert --tls-client-key --token-file --profile --bucket --prefix --whole --max-payload-size --retry-for --wait --wait-for --json",
		"destinations send --re":                     "--retry-for",
		"destinations --config x send --j":           "--json",
		"destinations send --bucket s":               "",
		"destinations send some":                     "",
		"destinations serve --log-level ":            "debug info warn error",
		"destinations serve --log-level = i":         "info",
		"destinations serve --log-level =":           "debug info warn error",
		"destinations serve --log-level debug --upl": "--uploads",
		"destinations completion ":                   "bash zsh fish",
		"destinations list --state ":                 "active retrying blocked catching-up unconfirmed",
		"destinations dead ":                         "list export discard",
		"destinations dead discard --e":              "--events",
		"destinations version ":                      "",
	} {
		if got := bashOffers(t, script, line); got != want {
			t.Errorf("%q: got %q; want %q", line, got, want)
		}
	}
}

// bashOffers is what bash offers for the last word of a line.
func bashOffers(t *testing.T, script, line string) string {
	t.Helper()
	// The words as bash would give them; it is not interactive here.
	words := strings.Split(line, " ")
	program := script + fmt.Sprintf("\nCOMP_WORDS=('%s') COMP_CWORD=%d\n_destinations\necho \"${COMPREPLY[*]}\"", strings.Join(words, "' '"), len(words)-1)
	got, err := exec.Command("bash", "-c", program).Output()
	if err != nil {
		t.Fatalf("%q: %v", line, err)
	}
	return strings.TrimSuffix(string(got), "\n")
}

// grouped has commands in a group, one of them with the name of a command outside.
type grouped struct {
	List struct {
		State string `enum:"on,off" default:"on"`
	} `cmd:"" help:"List."`
	Dead struct {
		List struct {
			Json bool
		} `cmd:"" help:"List the dead."`
		Export struct {
			Output string `placeholder:"FILE"`
			Key    string `arg:""`
		} `cmd:"" help:"Export."`
	} `cmd:"" help:"Dead."`
}

func TestGroupsAreCompleted(t *testing.T) {
	app, err := kong.New(&grouped{}, kong.Name("destinations"))
	if err != nil {
		t.Fatal(err)
	}
	for _, shell := range []string{"bash", "zsh", "fish"} {
		var script strings.Builder
		if err := writeCompletion(&script, shell, app.Model); err != nil {
			t.Fatal(err)
		}
		if shell != "bash" {
			golden(t, "completion-groups."+shell, script.String())
			continue
		}
		for line, want := range map[string]string{
			"destinations ":                     "list dead",
			"destinations d":                    "dead",
			"destinations list --s":             "--state",
			"destinations list --state o":       "on off",
			"destinations list dead ":           "",
			"destinations dead ":                "list export",
			"destinations dead e":               "export",
			"destinations dead --":              "--help",
			"destinations dead list --":         "--help --json",
			"destinations dead list list --j":   "--json",
			"destinations dead export --output": "--output",
		} {
			if got := bashOffers(t, script.String(), line); got != want {
				t.Errorf("%q: got %q; want %q", line, got, want)
			}
		}
	}
}
