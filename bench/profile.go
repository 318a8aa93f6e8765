package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/open-destinations/destinations/e2e/harness"
)

// profiler fetches the profiles of a service. A nil one does nothing.
type profiler struct {
	folder string
	url    string
	cpu    chan error // the CPU profile's end; nil before begin
}

// newProfiler makes the folder for the profiles of a service, whose --pprof is set.
func newProfiler(folder string) (*profiler, error) {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, fmt.Errorf("make the profiles' folder: %w", err)
	}
	return &profiler{folder: folder}, nil
}

// args are the arguments with which the service serves them.
func (p *profiler) args() []string {
	if p == nil {
		return nil
	}
	return []string{"--pprof"}
}

// of says which service it is.
func (p *profiler) of(svc *harness.Service) {
	if p != nil {
		p.url = "http://" + svc.Admin + "/debug/pprof/"
	}
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
