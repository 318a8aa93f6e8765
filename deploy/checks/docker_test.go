package checks

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"
)

const dockerfile = "../docker/Dockerfile"

// image is what the Dockerfile says of the image's last stage.
type image struct {
	base   string
	user   string
	env    []string
	args   []string // entrypoint and command
	volume string
	ports  []string
	signal string
	health []string
	copies []*instructions.CopyCommand
}

// readImage parses the Dockerfile as buildkit does.
func readImage(t *testing.T) image {
	t.Helper()
	file, err := os.Open(dockerfile)
	must(t, err)
	defer file.Close()
	parsed, err := parser.Parse(file)
	must(t, err)
	for _, w := range parsed.Warnings {
		t.Errorf("buildkit warns: %+v", w)
	}
	stages, _, err := instructions.Parse(parsed.AST, nil)
	must(t, err)
	last := stages[len(stages)-1]
	i := image{base: last.BaseName}
	var entrypoint, command []string
	for _, c := range last.Commands {
		switch c := c.(type) {
		case *instructions.UserCommand:
			i.user = c.User
		case *instructions.EnvCommand:
			for _, pair := range c.Env {
				i.env = append(i.env, pair.Key+"="+pair.Value)
			}
		case *instructions.VolumeCommand:
			i.volume = c.Volumes[0]
		case *instructions.ExposeCommand:
			i.ports = append(i.ports, c.Ports...)
		case *instructions.StopSignalCommand:
			i.signal = c.Signal
		case *instructions.HealthCheckCommand:
			i.health = c.Health.Test
		case *instructions.EntrypointCommand:
			entrypoint = c.CmdLine
			if c.PrependShell {
				t.Error("the entrypoint needs a shell, and there is none")
			}
		case *instructions.CmdCommand:
			command = c.CmdLine
		case *instructions.CopyCommand:
			i.copies = append(i.copies, c)
		default:
			t.Errorf("%s: the test does not know what it does to the image", c.Name())
		}
	}
	i.args = append(entrypoint, command...)
	return i
}

// The image holds nothing but what the build has put together, and is nobody's but its own
// user's.
func TestDockerfile(t *testing.T) {
	i := readImage(t)
	if i.base != "scratch" || len(i.copies) != 1 || i.copies[0].From != "build" {
		t.Errorf("the image is made of %s and %d copies, want scratch and one", i.base, len(i.copies))
	}
	if i.user != "65532:65532" {
		t.Errorf("the user is %q", i.user)
	}
	if i.signal != "SIGTERM" {
		t.Errorf("it is stopped with %q", i.signal)
	}
	if env := variables(i.env); i.volume == "" || !strings.HasPrefix(env["DESTINATIONS_DATA_DIR"], i.volume+"/") {
		t.Errorf("the data folder %q is not in the volume %q", env["DESTINATIONS_DATA_DIR"], i.volume)
	}
	if !slices.Equal(i.health, []string{"CMD", i.args[0], "health"}) {
		t.Errorf("the health check is %q", i.health)
	}
	text, err := os.ReadFile(dockerfile)
	must(t, err)
	if !strings.Contains(string(text), "make release-binary ") {
		t.Error("the image's binary is not built as a release is")
	}
}

// The ports that the image names are those of its configuration.
func TestImagePorts(t *testing.T) {
	config, err := os.ReadFile("../docker/config.yaml")
	must(t, err)
	for _, port := range readImage(t).ports {
		if !strings.Contains(string(config), `listen: ":`+port+`"`) {
			t.Errorf("nothing listens at port %s", port)
		}
	}
}

// The build sees every file that git knows: what is missing there would be a change of the
// commit that the binary names.
func TestDockerignoreLeavesTheCheckout(t *testing.T) {
	file, err := os.Open(dockerfile + ".dockerignore")
	must(t, err)
	defer file.Close()
	patterns, err := ignorefile.ReadAll(file)
	must(t, err)
	ignored, err := patternmatcher.New(patterns)
	must(t, err)
	known, err := exec.Command("git", "-C", "../..", "ls-files", "-z").Output()
	must(t, err)
	files := strings.Split(strings.TrimSuffix(string(known), "\x00"), "\x00")
	if len(files) < 100 {
		t.Fatalf("git knows %d files: the test shows nothing", len(files))
	}
	for _, name := range files {
		out, err := ignored.MatchesOrParentMatches(name)
		must(t, err)
		if out {
			t.Errorf("the build does not see %s", name)
		}
	}
}
