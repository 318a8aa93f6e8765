package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	reflectionpb "google.golang.org/grpc/reflection/grpc_reflection_v1"

	"github.com/open-destinations/destinations/telemetry"
	"github.com/open-destinations/destinations/uploader/uploadertest"
)

// testConfig is a configuration for one folder, with any free ports.
func testConfig(t testing.TB, dir string, args ...string) serviceConfig {
	t.Helper()
	config, err := parsedServe(t, dir, args...).config()
	if err != nil {
		t.Fatal(err)
	}
	return config
}

// parsedServe is the command for one folder, with any free ports.
func parsedServe(t testing.TB, dir string, args ...string) *serveCmd {
	t.Helper()
	c := &cli{}
	p := &process{ctx: t.Context(), stdout: io.Discard, stderr: io.Discard}
	parser, err := newParser(c, p, func(int) {})
	if err != nil {
		t.Fatal(err)
	}
	args = append([]string{"serve", "--data-dir", dir, "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0",
		"--partitions", "2", "--journal-quota", "64MiB", "--max-request-size", "1100KiB"}, args...)
	if _, err := parser.Parse(args); err != nil {
		t.Fatal(err)
	}
	return &c.Serve
}

// running is a service that runs in this process.
type running struct {
	*service
	stop  func()     // as a signal does
	ended chan error // what run returned
}

// testParams are for a service whose objects go to store.
func testParams(config serviceConfig, awsConfig aws.Config) serviceParams {
	exports, err := telemetry.Start(context.Background(), telemetry.Params{Version: "test", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		panic("OTEL_* of the test's environment: " + err.Error())
	}
	return serviceParams{
		Config:    config,
		AWS:       awsConfig,
		Listen:    net.Listen,
		Log:       slog.New(slog.DiscardHandler),
		Telemetry: exports,
		// Some tests have a grace of a second, of which a tenth is for the syncs of the closing:
		// on a machine whose disk is busy that says nothing. Whoever stops a service judges
		// whether it ends.
		Overdue: func() {},
	}
}

// start runs a service until the test ends, or stop is called.
func start(t testing.TB, p serviceParams) *running {
	t.Helper()
	s, err := newService(p)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	r := &running{service: s, stop: stop, ended: make(chan error, 1)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.ended <- s.run(ctx)
	}()
	t.Cleanup(func() {
		stop()
		select {
		case <-done:
		case <-time.After(stopPatience):
			t.Error("the service does not end")
		}
	})
	return r
}

// stopPatience is how long a service may take to end, with the default grace and a busy disk.
const stopPatience = 30 * time.Second

// wait returns what run returned; the service must have been stopped.
func (r *running) wait(t testing.TB) error {
	t.Helper()
	select {
	case err := <-r.ended:
		return err
	case <-time.After(stopPatience):
		t.Fatal("the service does not end")
		return nil
	}
}

// dial connects to the service.
func (r *running) dial(t testing.TB) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient(r.listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// get reads an admin page.
func (r *running) get(t testing.TB, page string) (code int, body string) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Get("http://" + r.adminListener.Addr().String() + page)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

// eventually asks until ok, at most ten seconds.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(10 * time.Second)
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for !ok() {
		select {
		case <-ticker.C:
		case <-deadline:
			t.Fatalf("not within ten seconds: %s", what)
		}
	}
}

// storedLines are the lines of all objects, sorted.
func storedLines(t testing.TB, s3 *uploadertest.S3) []string {
	t.Helper()
	var lines []string
	for name, body := range s3.Objects() {
		r, err := gzip.NewReader(bytes.NewReader(body))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		lines = append(lines, strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")...)
	}
	slices.Sort(lines)
	return lines
}

func TestServiceTakesEventsAndDeliversThem(t *testing.T) {
	s3 := uploadertest.NewS3(t)
	r := start(t, testParams(testConfig(t, t.TempDir()), s3.Config()))
	target := r.listener.Addr().String()

	sent := invocation{args: []string{"send", "--target", target, "--bucket", "demo", "--prefix", "test"}, stdin: "one\ntwo\n"}.run(t)
	if sent.code != exitOK || !strings.HasPrefix(sent.stderr, "accepted 2, rejected 0\nreceipt s3://demo/test/ accepted 2 token ") {
		t.Errorf("send: got %+v", sent)
	}
	if got := run(t, "flush", "--target", target, "--bucket", "demo", "--prefix", "test/"); got != (outcome{stdout: flushedText(1) + "\n"}) {
		t.Errorf("flush: got %+v", got)
	}
	eventually(t, "the object is there", func() bool { return slices.Equal(storedLines(t, s3), []string{"one", "two"}) })

	r.stop()
	if err := r.wait(t); err != nil {
		t.Errorf("got %v, want a clean end", err)
	}
}

func TestServiceShowsThatItServes(t *testing.T) {
	r := start(t, testParams(testConfig(t, t.TempDir()), uploadertest.NewS3(t).Config()))
	for _, page := range []string{"/livez", "/readyz"} {
		if code, body := r.get(t, page); code != http.StatusOK || body != "ok\n" {
			t.Errorf("%s: got %d %q", page, code, body)
		}
	}
	conn := r.dial(t)
	for _, name := range []string{"", "destinations.v1.Destinations", "destinations.v1.Operations"} {
		got, err := healthpb.NewHealthClient(conn).Check(t.Context(), &healthpb.HealthCheckRequest{Service: name})
		if err != nil || got.GetStatus() != healthpb.HealthCheckResponse_SERVING {
			t.Errorf("health of %q: got %v, %v", name, got, err)
		}
	}
	if got := reflected(t, conn); !slices.Contains(got, "destinations.v1.Destinations") || !slices.Contains(got, "destinations.v1.Operations") {
		t.Errorf("reflection: got %v", got)
	}
}

func TestServiceIsReadyWhileAPartitionIsOpen(t *testing.T) {
	config := testConfig(t, t.TempDir())
	p := testParams(config, uploadertest.NewS3(t).Config())
	r := start(t, p)
	r.stop()
	if err := r.wait(t); err != nil {
		t.Fatal(err)
	}
	for i, want := range []struct {
		code   int
		health healthpb.HealthCheckResponse_ServingStatus
	}{{http.StatusOK, healthpb.HealthCheckResponse_SERVING}, {http.StatusServiceUnavailable, healthpb.HealthCheckResponse_NOT_SERVING}} {
		name := filepath.Join(config.Journal.Dir, fmt.Sprintf("%04d", i), "start")
		if err := os.Truncate(name, 100); err != nil {
			t.Fatal(err)
		}
		r := start(t, p)
		code, body := r.get(t, "/readyz")
		if code != want.code || !strings.Contains(body, fmt.Sprintf("partition %d is closed: ", i)) {
			t.Errorf("%d partitions damaged: got %d %q", i+1, code, body)
		}
		got, err := healthpb.NewHealthClient(r.dial(t)).Check(t.Context(), &healthpb.HealthCheckRequest{})
		if err != nil || got.GetStatus() != want.health {
			t.Errorf("%d partitions damaged: health is %v, %v; want %v", i+1, got, err, want.health)
		}
		r.stop()
		if err := r.wait(t); err != nil {
			t.Error(err)
		}
	}
}

// reflected are the services that reflection lists.
func reflected(t *testing.T, conn *grpc.ClientConn) []string {
	t.Helper()
	stream, err := reflectionpb.NewServerReflectionClient(conn).ServerReflectionInfo(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Send(&reflectionpb.ServerReflectionRequest{
		MessageRequest: &reflectionpb.ServerReflectionRequest_ListServices{},
	}); err != nil {
		t.Fatal(err)
	}
	answer, err := stream.Recv()
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.CloseSend(); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, s := range answer.GetListServicesResponse().GetService() {
		names = append(names, s.GetName())
	}
	return names
}

func TestStartErrorsNameTheirCause(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for _, test := range []struct {
		name    string
		prepare func(t *testing.T, dir string) // before the start
		args    []string
		want    string
	}{
		{"folder in use", func(t *testing.T, dir string) {
			start(t, testParams(testConfig(t, dir), uploadertest.NewS3(t).Config()))
		}, nil, "in use by another process"},
		{"other partitions", func(t *testing.T, dir string) {
			r := start(t, testParams(testConfig(t, dir), uploadertest.NewS3(t).Config()))
			r.stop()
			if err := r.wait(t); err != nil {
				t.Fatal(err)
			}
		}, []string{"--partitions", "3"}, "--partitions: "},
		{"other endpoint", func(t *testing.T, dir string) {
			r := start(t, testParams(testConfig(t, dir), uploadertest.NewS3(t).Config()))
			r.stop()
			if err := r.wait(t); err != nil {
				t.Fatal(err)
			}
		}, []string{"--s3-endpoint", "http://s3:1"}, "--s3-endpoint: "},
		{"token key", func(t *testing.T, dir string) {
			if err := os.WriteFile(filepath.Join(dir, "token.key"), []byte("short"), 0o600); err != nil {
				t.Fatal(err)
			}
		}, nil, "token key"},
		{"port taken", nil, []string{"--listen", taken.Addr().String()}, "--listen: listen tcp"},
		{"admin port taken", nil, []string{"--admin-listen", taken.Addr().String()}, "--admin-listen: listen tcp"},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			if test.prepare != nil {
				test.prepare(t, dir)
			}
			_, err := newService(testParams(testConfig(t, dir, test.args...), uploadertest.NewS3(t).Config()))
			if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("got %v, want one line with %q", err, test.want)
			}
		})
	}
}

func TestMissingCredentialsDoNotStopTheAccepting(t *testing.T) {
	config := uploadertest.NewS3(t).Config()
	config.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{}, errors.New("no credentials")
	})
	r := start(t, testParams(testConfig(t, t.TempDir(), "--shutdown-grace", "1s"), config))
	target := r.listener.Addr().String()
	if got := (invocation{args: []string{"send", "--target", target, "--bucket", "demo"}, stdin: "one\n"}).run(t); got.code != exitOK {
		t.Errorf("send: got %+v", got)
	}
	if got := run(t, "flush", "--target", target); got.code != exitOK {
		t.Errorf("flush: got %+v", got)
	}
	r.stop()
	if err := r.wait(t); err != nil {
		t.Errorf("got %v, want a clean end", err)
	}
}

func TestMissingTokenKeyIsToldOnceThereWereReceipts(t *testing.T) {
	dir, s3 := t.TempDir(), uploadertest.NewS3(t)
	for i, want := range []bool{false, false, true, false} { // whether the start warns
		if i == 1 || i == 2 {
			if err := os.Remove(filepath.Join(dir, "token.key")); err != nil {
				t.Fatal(err)
			}
		}
		p, log := testParams(testConfig(t, dir), s3.Config()), new(bytes.Buffer)
		p.Log = slog.New(slog.NewTextHandler(log, nil))
		r := start(t, p)
		if i == 1 {
			if got := (invocation{args: []string{"send", "--target", r.listener.Addr().String(), "--bucket", "demo"}, stdin: "one\n"}).run(t); got.code != exitOK {
				t.Fatalf("send: got %+v", got)
			}
		}
		r.stop()
		if err := r.wait(t); err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(log.String(), "token.key was missing"); got != want {
			t.Errorf("start %d: got %v, want a warning %v:\n%s", i, got, want, log)
		}
	}
}
