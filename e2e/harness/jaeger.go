package harness

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
)

// jaegerPages is where people expect Jaeger's pages: they are there if it is free.
const jaegerPages = "127.0.0.1:16686"

// JaegerParams says what Jaeger to start.
type JaegerParams struct {
	Binary string // of BuildJaeger, or of a release of Jaeger 2
	Config string // file with its configuration: e2e/jaeger/config.yaml
	Log    string // file for its log
}

// Jaeger is a running Jaeger. It keeps traces in memory until it ends.
type Jaeger struct {
	*Process
	Collector string // address that takes OTLP by gRPC
	Pages     string // URL of its API, and of its UI if the binary has one
}

// StartJaeger starts Jaeger and returns when it says that it is healthy. All of its
// addresses are of the loopback interface.
func StartJaeger(ctx context.Context, p JaegerParams) (*Jaeger, error) {
	for try := 1; ; try++ {
		j, err := startJaegerOnce(ctx, p)
		if err == nil || try == clashTries || !strings.Contains(err.Error(), "address already in use") {
			return j, err
		}
	}
}

// startJaegerOnce tries it once.
func startJaegerOnce(ctx context.Context, p JaegerParams) (*Jaeger, error) {
	addresses := map[string]string{"JAEGER_PAGES": jaegerPages, "JAEGER_QUERIES": "", "JAEGER_HEALTH": "", "JAEGER_COLLECTOR": ""}
	var env []string
	for name, preferred := range addresses {
		address, err := FreePort(preferred)
		if err != nil {
			return nil, err
		}
		addresses[name] = address
		env = append(env, name+"="+address)
	}
	proc, err := StartProcess(ProcessParams{
		Name: "Jaeger", Path: p.Binary, Args: []string{"--config", p.Config}, Env: Environment(env...), Log: p.Log,
	})
	if err != nil {
		return nil, err
	}
	err = proc.await(ctx, func() error {
		_, err := page(ctx, http.DefaultClient, "http://"+addresses["JAEGER_HEALTH"]+"/status", "")
		return err
	})
	if err != nil {
		proc.Kill()
		return nil, err
	}
	return &Jaeger{Process: proc, Collector: addresses["JAEGER_COLLECTOR"], Pages: "http://" + addresses["JAEGER_PAGES"]}, nil
}

// TraceURL is where Trace finds a trace, whose id is 32 hex digits.
func (j *Jaeger) TraceURL(id string) string { return j.Pages + "/api/v3/traces/" + id }

// Trace is what has come of a trace so far, as OTLP's JSON in a field "result". It
// fails if nothing has come.
func (j *Jaeger) Trace(ctx context.Context, id string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, j.TraceURL(id), nil)
	if err != nil {
		return nil, fmt.Errorf("ask Jaeger: %w", err)
	}
	req.Close = true // leaves no idle connection behind
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, fmt.Errorf("ask Jaeger: %w", err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", resp.Status, body)
	}
	if err != nil {
		return nil, fmt.Errorf("ask Jaeger for trace %s: %w", id, err)
	}
	return body, nil
}

// BuildJaeger builds the Jaeger that e2e/jaeger of the checkout at root pins into the
// folder out. It has the API but not the UI, whose files are in Jaeger's releases alone.
func BuildJaeger(ctx context.Context, root, out string) (binary string, err error) {
	binary = filepath.Join(out, "jaeger")
	if err := goBuild(ctx, filepath.Join(root, "e2e", "jaeger"), binary, "github.com/jaegertracing/jaeger/cmd/jaeger"); err != nil {
		return "", fmt.Errorf("build Jaeger: %w", err)
	}
	return binary, nil
}
