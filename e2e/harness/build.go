package harness

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// Binaries are the programs that Build makes.
type Binaries struct {
	Service  string // the service and its client commands
	S3Server string // the S3 server
}

// Root finds the checkout that the working directory is in: the nearest folder,
// upwards, that has the service's go.mod beside its e2e folder.
func Root() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("find the checkout: %w", err)
	}
	for {
		_, modErr := os.Stat(filepath.Join(dir, "go.mod"))
		_, e2eErr := os.Stat(filepath.Join(dir, "e2e", "s3server", "go.mod"))
		if modErr == nil && e2eErr == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("find the checkout: the working directory is not in one")
		}
		dir = parent
	}
}

// Build builds the programs of the checkout at root into the folder out. It calls
// progress with a line for people before each step.
func Build(ctx context.Context, root, out string, progress func(string)) (Binaries, error) {
	bins := Binaries{
		Service:  filepath.Join(out, "destinations"),
		S3Server: filepath.Join(out, "s3server"),
	}
	progress("building the service")
	if err := goBuild(ctx, root, bins.Service, "./cmd/destinations"); err != nil {
		return Binaries{}, fmt.Errorf("build the service: %w", err)
	}
	progress("building the S3 server (first time: a minute or two)")
	if err := goBuild(ctx, filepath.Join(root, "e2e", "s3server"), bins.S3Server, "."); err != nil {
		return Binaries{}, fmt.Errorf("build the S3 server: %w", err)
	}
	return bins, nil
}

// goBuild builds one package of the module in dir.
func goBuild(ctx context.Context, dir, out, pkg string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-C", dir, "-o", out, pkg)
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go build %s: %w\n%s", pkg, err, text)
	}
	return nil
}
