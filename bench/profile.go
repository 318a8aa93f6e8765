package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"github.com/open-destinations/destinations/e2e/harness"
)

// profileVariable tells a service that was built with the tag "profile" where to
// serve its profiles.
const profileVariable = "PROFILE_LISTEN"

// buildProfiled builds the service with its profiles.
func buildProfiled(ctx context.Context, f *folder) (string, error) {
	say("building the service with its profiles")
	out := filepath.Join(f.bin(), "destinations-profile")
	cmd := exec.CommandContext(ctx, "go", "build", "-C", f.root, "-tags", "profile", "-o", out, "./cmd/destinations")
	if text, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the service with its profiles: %w\n%s", err, text)
	}
	return out, nil
}

// profiler fetches the profiles of a service. A nil one does nothing.
type profiler struct {
	folder string
	url    string
	cpu    chan error // the CPU profile's end; nil before begin
}

// newProfiler chooses the address that the next service serves its profiles on, and
// puts it into this program's environment, where that service gets its own from.
func newProfiler(folder string) (*profiler, error) {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, fmt.Errorf("make the profiles' folder: %w", err)
	}
	addr, err := harness.FreePort("")
	if err != nil {
		return nil, err
	}
	if err := os.Setenv(profileVariable, addr); err != nil {
		return nil, err
	}
	return &profiler{folder: folder, url: "http://" + addr + "/debug/pprof/"}, nil
}

// begin takes the CPU profile of the next d.
func (p *profiler) begin(ctx context.Context, d time.Duration) {
	if p == nil {
		return
	}
	p.cpu = make(chan error, 1)
	go func() {
		p.cpu <- p.fetch(ctx, "cpu", "profile?seconds="+strconv.Itoa(int(d.Seconds())))
	}()
}

// end waits for the CPU profile and takes the others, which count from the service's
// beginning.
func (p *profiler) end(ctx context.Context) error {
	if p == nil {
		return nil
	}
	err := errors.Join(<-p.cpu, p.fetch(ctx, "allocs", "allocs"), p.fetch(ctx, "block", "block"))
	if err == nil {
		say("profiles: go tool pprof -top %s/cpu.pprof (and allocs.pprof, block.pprof)", p.folder)
	}
	return err
}

// fetch writes one profile into the folder.
func (p *profiler) fetch(ctx context.Context, name, query string) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("fetch the %s profile: %w", name, err)
		}
	}()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url+query, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return errors.New(resp.Status)
	}
	f, err := os.Create(filepath.Join(p.folder, name+".pprof"))
	if err != nil {
		return err
	}
	_, err = io.Copy(f, resp.Body)
	return errors.Join(err, f.Close())
}
