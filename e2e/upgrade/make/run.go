package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/open-destinations/destinations/e2e/harness"
	"github.com/open-destinations/destinations/e2e/upgrade"
)

// params is what the command line says.
type params struct{ commit, out string }

// run makes the archive. Everything else that it makes lies in a temporary folder.
func run(ctx context.Context, p params) (err error) {
	root, err := harness.Root()
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "upgrade-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	bins, err := harness.Build(ctx, root, dir, func(step string) { fmt.Fprintln(os.Stderr, step) })
	if err != nil {
		return err
	}
	policy, err := harness.Policy(ctx, bins.Service, bucket)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "policy.json"), policy, 0o600); err != nil {
		return err
	}
	if bins.Service, err = buildOld(ctx, root, dir, p.commit); err != nil {
		return err
	}
	full, err := exec.CommandContext(ctx, "git", "-C", root, "rev-parse", p.commit).Output()
	if err != nil {
		return fmt.Errorf("find commit %s: %w", p.commit, err)
	}
	note, err := play(ctx, bins, dir)
	if err != nil {
		return err
	}
	note.Commit = strings.TrimSpace(string(full))
	return write(p.out, filepath.Join(dir, dataName), note)
}

// buildOld builds the service of a commit in a work tree that is removed again.
func buildOld(ctx context.Context, root, dir, commit string) (binary string, err error) {
	tree := filepath.Join(dir, "tree")
	binary = filepath.Join(dir, "old", "destinations")
	git := func(args ...string) error {
		out, err := exec.CommandContext(ctx, "git", append([]string{"-C", root}, args...)...).CombinedOutput()
		if err != nil {
			return fmt.Errorf("git %s: %w: %s", args[0], err, out)
		}
		return nil
	}
	if err := git("worktree", "add", "--detach", tree, commit); err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, git("worktree", "remove", "--force", tree)) }()
	out, err := exec.CommandContext(ctx, "go", "build", "-C", tree, "-o", binary, "./cmd/destinations").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build the service of %s: %w\n%s", commit, err, out)
	}
	return binary, nil
}

// write writes the archive.
func write(out, dir string, note *upgrade.Note) error {
	file, err := os.Create(out)
	if err != nil {
		return err
	}
	return errors.Join(upgrade.Pack(file, dir, note), file.Close())
}
