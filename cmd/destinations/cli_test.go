package main

import (
	"errors"
	"io"
	"path/filepath"
	"reflect"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// documented are the commands, in the order of the page of flags.
var documented = []string{"serve", "send", "flush", "list", "status", "deliveries", "watch", "health", "check", "confirm", "redrive", "dead list", "dead export", "dead discard",
	"journal verify", "journal dump", "journal repair",
	"token create", "token list", "token revoke", "grants check", "grants explain", "profile save", "profile list", "profile remove", "policy", "egress-ips", "completion", "version"}

func TestEveryCommandIsDocumented(t *testing.T) {
	parser, err := newParser(&cli{}, &process{stdout: io.Discard, stderr: io.Discard}, func(int) {})
	if err != nil {
		t.Fatal(err)
	}
	var have []string
	for _, node := range parser.Model.Leaves(false) {
		have = append(have, node.Path())
	}
	if !slices.Equal(have, documented) {
		t.Errorf("got the commands %q, want %q", have, documented)
	}
}

func TestHelpOfEveryCommand(t *testing.T) {
	t.Setenv("COLUMNS", "100")
	for _, command := range append([]string{"", "dead", "journal", "token", "grants", "profile"}, documented...) {
		name := "help.golden"
		if command != "" {
			name = "help-" + strings.ReplaceAll(command, " ", "-") + ".golden"
		}
		args := append(strings.Fields(command), "--help")
		got := run(t, args...)
		if got.code != exitOK || got.stderr != "" {
			t.Errorf("%v: got exit code %d, stderr %q", args, got.code, got.stderr)
		}
		golden(t, name, got.stdout)
	}
}

// docs/flags.md is the help of every command, so that it can be read without the
// binary and is never behind it.
func TestFlagsPageIsTheHelp(t *testing.T) {
	t.Setenv("COLUMNS", "100")
	var page strings.Builder
	page.WriteString(`# Flags

What ` + "`destinations COMMAND --help`" + ` prints. Each flag is also a variable (` + "`DESTINATIONS_WINDOW`" + ` for ` + "`--window`" + `) and a key of the YAML
file that ` + "`--config`" + ` names (` + "`window: 1m`" + `). A flag beats its variable, which beats the file, which beats the default. A key or a variable
that no command knows refuses the start; one that another command knows is passed over. Variables as a cluster sets them for a
service of that name (` + "`DESTINATIONS_SERVICE_HOST`, `DESTINATIONS_PORT=tcp://...`" + `) are passed over too.
`)
	for _, command := range documented {
		help := run(t, append(strings.Fields(command), "--help")...).stdout
		page.WriteString("\n## " + command + "\n\n```\n" + help + "```\n")
	}
	golden(t, filepath.Join("..", "..", "..", "docs", "flags.md"), page.String())
}

func TestNoCommandIsAskedForHelp(t *testing.T) {
	if got, want := run(t).stdout, run(t, "--help").stdout; got != want || got == "" {
		t.Errorf("got %q, want the help", got)
	}
}

func TestHelpIsAlsoACommand(t *testing.T) {
	for _, words := range [][]string{{"help"}, {"help", "send"}, {"help", "dead", "list"}} {
		got, want := run(t, words...), run(t, append(words[1:], "--help")...)
		if got != want || got.code != exitOK || got.stdout == "" {
			t.Errorf("%v: got %+v, want the help", words, got)
		}
	}
}

// A flag must have the same shape wherever its name stands, since one variable or
// key sets it for all commands.
func TestFlagsOfOneNameHaveOneType(t *testing.T) {
	parser, err := newParser(&cli{}, &process{stdout: io.Discard, stderr: io.Discard}, func(int) {})
	if err != nil {
		t.Fatal(err)
	}
	types := map[string]reflect.Type{}
	for _, node := range parser.Model.Leaves(false) {
		for _, flag := range node.Flags {
			of := flag.Target.Type()
			if of.Kind() == reflect.Pointer { // it is asked whether it was given
				of = of.Elem()
			}
			if have, ok := types[flag.Name]; ok && have != of {
				t.Errorf("--%s of %s: got type %v, want %v as elsewhere", flag.Name, node.Path(), of, have)
			}
			types[flag.Name] = of
		}
	}
}

// The variables that a cluster makes for a service called "destinations" must
// never be one of ours.
func TestNoFlagIsAClusterVariable(t *testing.T) {
	parser, err := newParser(&cli{}, &process{stdout: io.Discard, stderr: io.Discard}, func(int) {})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range flagNames(parser.Model) {
		if clusterVariable.MatchString(variable(name) + "=x") {
			t.Errorf("--%s: its variable %s looks like a cluster's", name, variable(name))
		}
	}
}

func TestExitCodes(t *testing.T) {
	const nobody = "127.0.0.1:1"
	for _, test := range []struct {
		name   string
		run    invocation
		code   int
		stderr string // a part of it
	}{
		{"unknown command", invocation{args: []string{"sned"}}, exitNothing, `unexpected argument sned`},
		{"unknown flag", invocation{args: []string{"send", "--buket", "b"}}, exitNothing, `did you mean "--bucket"`},
		{"missing flag", invocation{args: []string{"send"}}, exitNothing, "missing flags: --bucket"},
		{"bad size", invocation{args: []string{"send", "--bucket", "bkt", "--max-payload-size", "1MB"}}, exitNothing, `"1MB" is not a size`},
		{"size of nothing", invocation{args: []string{"send", "--bucket", "bkt", "--max-payload-size", "0"}}, exitNothing, "--max-payload-size: 0B"},
		{"prefix without bucket", invocation{args: []string{"flush", "--prefix", "x"}}, exitNothing, "--prefix needs --bucket"},
		{"unknown variable, flush", invocation{args: []string{"flush"}, environ: []string{"DESTINATIONS_X=1"}}, exitNothing, "unknown variable DESTINATIONS_X"},
		{"unknown variable, send", invocation{args: []string{"send", "--bucket", "bkt"}, environ: []string{"DESTINATIONS_X=1"}}, 2, "unknown variable DESTINATIONS_X"},
		{"send, missing file", invocation{args: []string{"send", "--bucket", "bkt", "/no/such/file"}}, 2, "/no/such/file: no such file"},
		{"send, folder", invocation{args: []string{"send", "--bucket", "bkt", "testdata"}}, 2, "testdata is a folder"},
		{"send, nobody there", invocation{args: []string{"send", "--bucket", "bkt", "--retry-for", "0", "--target", nobody}, stdin: "x\n"}, 2, "no service answers at " + nobody},
		{"send, other machine", invocation{args: []string{"send", "--bucket", "bkt", "--target", "192.0.2.1:50051"}, stdin: "x\n"}, 2, "--insecure"},
		{"send, no port", invocation{args: []string{"send", "--bucket", "bkt", "--target", "localhost"}, stdin: "x\n"}, 2, "is not host:port"},
		{"send, nothing to send", invocation{args: []string{"send", "--bucket", "bkt", "--target", nobody}}, 0, "accepted 0, rejected 0"},
		{"redrive of nothing", invocation{args: []string{"redrive"}}, exitNothing, "--bucket or --all is needed"},
		{"redrive of both", invocation{args: []string{"redrive", "--all", "--bucket", "bkt"}}, exitNothing, "--all and --bucket"},
		{"redrive of a prefix", invocation{args: []string{"redrive", "--all", "--prefix", "x"}}, exitNothing, "--prefix needs --bucket"},
		{"list of a wrong state", invocation{args: []string{"list", "--state", "well"}}, exitNothing, "--state"},
		{"list, no time", invocation{args: []string{"list", "--timeout", "0s"}}, exitNothing, "--timeout: 0s, must be above 0"},
		{"dead list, no time", invocation{args: []string{"dead", "list", "--timeout", "0s"}}, exitNothing, "--timeout: 0s, must be above 0"},
		{"dead alone", invocation{args: []string{"dead"}}, exitNothing, "expected one of"},
		{"dead export of nothing", invocation{args: []string{"dead", "export"}}, exitNothing, "missing flags: --bucket"},
		{"dead discard, unknown flag", invocation{args: []string{"dead", "discard", "--bucket", "bkt", "--event", "1"}}, exitNothing, `did you mean "--events"`},
		{"dead list, nobody there", invocation{args: []string{"dead", "list", "--target", nobody}}, 1, "destinations dead list: no service answers at " + nobody},
		{"flush, nobody there", invocation{args: []string{"flush", "--target", nobody}}, 1, "no service answers at " + nobody},
		{"policy, bad bucket", invocation{args: []string{"policy", "--bucket", "B", "--role-arn", "key"}}, exitNothing, "--bucket"},
		{"flush, no port", invocation{args: []string{"flush", "--target", "localhost"}}, exitNothing, "--target: \"localhost\" is not host:port"},
		{"list of a wrong state, by name", invocation{args: []string{"list", "--state", "well"}}, exitNothing, `--state must be one of "active","retrying"`},
		{"negative number", invocation{args: []string{"dead", "discard", "--bucket", "bkt", "--events", "-5"}}, exitNothing, `--events: expected a value but got "-5"`},
		{"from a variable", invocation{args: []string{"serve"}, environ: []string{"DESTINATIONS_MEMORY=1B"}}, exitNothing, "--memory: 1B, at least 64MiB (from DESTINATIONS_MEMORY)\n"},
		{"from a variable, at once", invocation{args: []string{"list"}, environ: []string{"DESTINATIONS_TIMEOUT=-1s"}}, exitNothing, "--timeout: -1s, must be above 0 (from DESTINATIONS_TIMEOUT)\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := test.run.run(t)
			if got.code != test.code || !strings.Contains(got.stderr, test.stderr) {
				t.Errorf("got exit code %d, stderr %q; want %d, ... %q", got.code, got.stderr, test.code, test.stderr)
			}
		})
	}
}

func TestVersionNamesVersionCommitAndGo(t *testing.T) {
	lines := strings.Split(run(t, "version").stdout, "\n")
	if len(lines) != 4 || !strings.HasPrefix(lines[0], "destinations ") || !strings.HasPrefix(lines[1], "commit ") ||
		!strings.HasPrefix(lines[2], "go") {
		t.Errorf("got %q", lines)
	}
}

func TestVersionIsWhatTheBuildSays(t *testing.T) {
	setting := func(key, value string) debug.BuildSetting { return debug.BuildSetting{Key: key, Value: value} }
	for _, test := range []struct {
		name string
		info debug.BuildInfo
		have build // set by the linker
		want build
	}{
		{"installed", debug.BuildInfo{Main: debug.Module{Version: "v1.2.3"}}, build{}, build{version: "v1.2.3"}},
		{"checkout", debug.BuildInfo{Main: debug.Module{Version: "(devel)"}, Settings: []debug.BuildSetting{setting("vcs.revision", "abc")}},
			build{}, build{commit: "abc"}},
		{"changed checkout", debug.BuildInfo{Settings: []debug.BuildSetting{setting("vcs.revision", "abc"), setting("vcs.modified", "true")}},
			build{}, build{commit: "abc+changes"}},
		{"release", debug.BuildInfo{Main: debug.Module{Version: "v1.2.3"}}, build{version: "v9"}, build{version: "v9"}},
	} {
		if test.have.fill(&test.info); test.have != test.want {
			t.Errorf("%s: got %+v, want %+v", test.name, test.have, test.want)
		}
	}
}

// Errors of calls are worded for the person who typed the command.
func TestErrorsOfCallsAreExplained(t *testing.T) {
	flags := clientFlags{reachFlags: reachFlags{Target: "127.0.0.1:1"}}
	for want, err := range map[string]error{
		"no service answers at 127.0.0.1:1 (--target): refused":               status.Error(codes.Unavailable, "refused"),
		"what answers at 127.0.0.1:1 (--target) is not this service: unknown": status.Error(codes.Unimplemented, "unknown"),
		"what answers at 127.0.0.1:1 (--target) is not this service, or serves operators at another address, its --operations-listen: unknown method /destinations.v1.Operations/Flush": status.Error(codes.Unimplemented, "unknown method /destinations.v1.Operations/Flush"),
		"DeadlineExceeded: too late":                       status.Error(codes.DeadlineExceeded, "too late"),
		"Unavailable (SHUTTING_DOWN): the journal is full": endOfStream(t, codes.Unavailable, "SHUTTING_DOWN"),
		"no service answers at 127.0.0.1:1 (--target): error reading server preface: EOF; if it speaks TLS, so must this command (--tls or --tls-ca)": status.Error(codes.Unavailable, "error reading server preface: EOF"),
		"--token-file: t: is empty":                    status.Error(codes.Unauthenticated, credentialFailed+"--token-file: t: is empty"),
		"the service answered before the stream's end": errors.New("the service answered before the stream's end"),
	} {
		if got := flags.explain(err); got.Error() != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if err := flags.explain(nil); err != nil {
		t.Errorf("got %v, want nil", err)
	}
}

func TestSuggestsTheNearest(t *testing.T) {
	candidates := []string{"listen", "admin-listen", "log-level", "log-format"}
	for word, want := range map[string]string{
		"lisen":       ", did you mean listen?",
		"loglevel":    ", did you mean log-level?",
		"completely":  "",
		"admin_liste": ", did you mean admin-listen?",
	} {
		if got := suggestion(word, candidates); got != want {
			t.Errorf("%s: got %q, want %q", word, got, want)
		}
	}
	if !slices.Contains(candidates, "listen") {
		t.Error("candidates were changed")
	}
}
