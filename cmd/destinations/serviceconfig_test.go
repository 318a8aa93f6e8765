package main

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/open-destinations/destinations/batcher"
	"github.com/open-destinations/destinations/journal"
	"github.com/open-destinations/destinations/ledger"
	"github.com/open-destinations/destinations/server"
	"github.com/open-destinations/destinations/uploader"
)

// serveFlags parses a serve command line and translates it.
func serveFlags(t *testing.T, environ []string, args ...string) (serviceConfig, error) {
	t.Helper()
	c, err := parsed(t, environ, append([]string{"serve"}, args...)...)
	if err != nil {
		t.Fatalf("%v: %v", args, err)
	}
	return c.Serve.config()
}

// The defaults that --help shows are those that the packages document.
func TestDefaultsAreThoseOfThePackages(t *testing.T) {
	got, err := serveFlags(t, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := serviceConfig{
		Listen:         "127.0.0.1:50051",
		AdminListen:    "127.0.0.1:9464",
		ShutdownGrace:  20 * time.Second,
		MaxConnections: 4000, MaxPerAddress: 1000,
		Memory:   512 << 20,
		Journal:  journal.DefaultConfig(),
		Server:   server.DefaultConfig(),
		Batcher:  batcher.DefaultConfig(),
		Ledger:   ledger.DefaultConfig(),
		Uploader: uploader.DefaultConfig(),
	}
	want.Journal.Dir, want.Server.TraceRatio = "./data", 0.001
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestFlagsReachThePackages(t *testing.T) {
	got, err := serveFlags(t, []string{"DESTINATIONS_WINDOW=10s"},
		"--listen", "[::1]:1", "--admin-listen", "localhost:2", "--data-dir", "/d", "--partitions", "2", "--journal-quota", "1GiB",
		"--max-object-size", "2MiB", "--compression-level", "9", "--max-payload-size", "2KiB", "--max-request-size", "1MiB",
		"--s3-endpoint", "http://s3:1", "--s3-path-style", "--s3-acl=", "--sts-endpoint", "http://sts:1/", "--s3-part-size", "5MiB", "--uploads", "3", "--shutdown-grace", "1s", "--memory", "64MiB",
		"--pprof", "--egress-ips", "203.0.113.7,2001:db8::/64", "--trace-ratio", "0.5", "--block-after", "2s", "--give-up-after", "3h", "--destination-quota", "2MiB", "--dedupe-senders", "7", "--dedupe-window", "2h", "--dedupe-ids", "8",
		"--max-connections", "11", "--max-connections-per-address", "12", "--max-calls", "13", "--max-calls-per-principal", "14", "--max-calls-per-address", "15",
		"--max-calls-per-connection", "16", "--calls-per-second-per-principal", "17", "--calls-per-second-per-address", "18")
	if err != nil {
		t.Fatal(err)
	}
	for name, ok := range map[string]bool{
		"listen":            got.Listen == "[::1]:1",
		"admin-listen":      got.AdminListen == "localhost:2",
		"data-dir":          got.Journal.Dir == "/d",
		"partitions":        got.Journal.Partitions == 2,
		"journal-quota":     got.Journal.QuotaBytes == 1<<30,
		"window":            got.Batcher.Window == 10*time.Second,
		"max-object-size":   got.Batcher.MaxObjectSize == 2<<20,
		"compression-level": got.Batcher.CompressionLevel == 9,
		"max-payload-size":  got.Server.MaxPayloadBytes == 2<<10,
		"max-request-size":  got.Server.MaxRequestBytes == 1<<20,
		"s3-endpoint":       got.Uploader.Endpoint == "http://s3:1" && got.Journal.Endpoint == "http://s3:1",
		"max-connections":   got.MaxConnections == 11 && got.MaxPerAddress == 12,
		"max-calls":         got.Server.MaxCalls == 13 && got.Server.MaxCallsPerPrincipal == 14 && got.Server.MaxCallsPerAddress == 15 && got.Server.MaxCallsPerConnection == 16,
		"calls-per-second":  got.Server.CallsPerSecondPerPrincipal == 17 && got.Server.CallsPerSecondPerAddress == 18,
		"pprof":             got.Pprof,
		"egress-ips":        fmt.Sprint(got.Server.EgressAddresses) == "[203.0.113.7/32 2001:db8::/64]",
		"trace-ratio":       got.Server.TraceRatio == 0.5,
		"s3-path-style":     got.Uploader.PathStyle,
		"s3-acl":            got.Uploader.ACL == "",
		"sts-endpoint":      got.Uploader.STSEndpoint == "http://sts:1",
		"s3-part-size":      got.Uploader.PartSize == 5<<20,
		"uploads":           got.Batcher.Uploads == 3,
		"block-after":       got.Batcher.BlockAfter == 2*time.Second,
		"destination-quota": got.Batcher.DestinationQuota == 2<<20,
		"give-up-after":     got.Batcher.GiveUpAfter == 3*time.Hour,
		"dedupe-senders":    got.Batcher.DedupeSenders == 7,
		"dedupe-window":     got.Batcher.DedupeWindow == 2*time.Hour,
		"dedupe-ids":        got.Batcher.DedupeIDs == 8,
		"memory":            got.Memory == 64<<20 && got.Server.MemoryBytes == 16<<20 && got.Batcher.MemoryBytes == 32<<20,
		"shutdown-grace":    got.ShutdownGrace == time.Second,
	} {
		if !ok {
			t.Errorf("--%s: is not where it belongs: %+v", name, got)
		}
	}
}

func TestContradictionsAreRefusedByFlag(t *testing.T) {
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"--listen", "0.0.0.0:50051"}, "--listen: 0.0.0.0:50051 can be reached from other machines"},
		{[]string{"--listen", ":50051"}, "--insecure-listen allows it"},
		{[]string{"--listen", "[::]:50051"}, "--insecure-listen"},
		{[]string{"--admin-listen", "192.0.2.1:1"}, "--admin-listen: 192.0.2.1:1 can be reached"},
		{[]string{"--egress-ips", "203.0.113.7/24"}, "--egress-ips: 203.0.113.7/24 has bits behind its first 24: the range is 203.0.113.0/24"},
		{[]string{"--egress-ips", "203.0.113.7,::/0"}, "--egress-ips: ::/0 is every address"},
		{[]string{"--egress-ips", "example.com"}, `--egress-ips: "example.com" is neither an address`},
		{[]string{"--listen", "localhost"}, "--listen: \"localhost\" is not host:port"},
		{[]string{"--listen", "localhost:nosuchport"}, "--listen: \"localhost:nosuchport\" has no valid port"},
		{[]string{"--listen", "127.0.0.1:1", "--admin-listen", "127.0.0.1:1"}, "--admin-listen: 127.0.0.1:1 is --listen already"},
		{[]string{"--data-dir="}, "--data-dir:"},
		{[]string{"--partitions", "0"}, "--partitions:"},
		{[]string{"--partitions=-1"}, "--partitions:"},
		{[]string{"--partitions", "100000"}, "--partitions:"},
		{[]string{"--journal-quota", "1MiB"}, "--journal-quota:"},
		{[]string{"--window", "999ms"}, "--window:"},
		{[]string{"--max-object-size", "1KiB"}, "--max-object-size:"},
		{[]string{"--compression-level", "10"}, "--compression-level:"},
		{[]string{"--uploads", "0"}, "--uploads:"},
		{[]string{"--max-payload-size", "0"}, "--max-payload-size:"},
		{[]string{"--max-payload-size", "8MiB"}, "--max-request-size:"},
		{[]string{"--max-request-size", "64MiB"}, "--max-request-size: 64MiB, at most 16MiB"},
		{[]string{"--max-request-size", "5TiB"}, "--max-request-size: 5TiB"},
		{[]string{"--s3-endpoint", "localhost:9000"}, "--s3-endpoint"},
		{[]string{"--s3-acl", "everybody"}, "--s3-acl"},
		{[]string{"--s3-part-size", "4MiB"}, "--s3-part-size"},
		{[]string{"--block-after", "999ms"}, "--block-after:"},
		{[]string{"--destination-quota", "0"}, "--destination-quota:"},
		{[]string{"--give-up-after", "29s"}, "--give-up-after: 29s, must be 0 or not below"},
		{[]string{"--dedupe-senders=-1"}, "--dedupe-senders:"},
		{[]string{"--dedupe-window", "999ms"}, "--dedupe-window:"},
		{[]string{"--dedupe-ids", "1000000000"}, "--dedupe-ids:"},
		{[]string{"--memory", "63MiB"}, "--memory: 63MiB, at least 64MiB"},
		{[]string{"--memory", "0"}, "--memory: 0B, at least 64MiB"},
		{[]string{"--memory", "64MiB", "--uploads", "65"}, "--memory: 64MiB is enough for 64 --uploads, not for 65"},
		{[]string{"--shutdown-grace", "0s"}, "--shutdown-grace:"},
	} {
		_, err := serveFlags(t, nil, test.args...)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%v: got %v, want ... %s", test.args, err, test.want)
			continue
		}
		for problem := range strings.SplitSeq(err.Error(), "\n") {
			if !strings.HasPrefix(problem, "--") {
				t.Errorf("%v: got %q, want a flag's name first", test.args, problem)
			}
		}
	}
}

func TestAllContradictionsAreReportedAtOnce(t *testing.T) {
	got := run(t, "serve", "--listen", ":1", "--window", "1ms", "--s3-part-size", "1KiB", "--partitions", "0", "--max-payload-size", "0")
	if got.code != exitNothing || strings.Count(got.stderr, "\n") != 5 || strings.Count(got.stderr, "destinations serve: --") != 5 {
		t.Errorf("got exit code %d, stderr\n%s", got.code, got.stderr)
	}
}

func TestInsecureListenAllowsOtherMachines(t *testing.T) {
	if _, err := serveFlags(t, nil, "--insecure-listen", "--listen", ":50051", "--admin-listen", "0.0.0.0:9464"); err != nil {
		t.Error(err)
	}
}

// However many objects are uploaded at once, their parts keep to their share.
func TestPartsFitTheUploadsShare(t *testing.T) {
	for _, test := range []struct {
		memory  string
		uploads string
		want    int
	}{
		{"512MiB", "32", 4}, {"512MiB", "1", 4}, {"512MiB", "128", 4}, {"512MiB", "256", 2}, {"512MiB", "512", 1},
		{"64MiB", "32", 2}, {"64MiB", "64", 1}, {"64MiB", "1", 4},
	} {
		got, err := serveFlags(t, nil, "--memory", test.memory, "--uploads", test.uploads)
		if err != nil || got.Uploader.PartConcurrency != test.want {
			t.Errorf("--memory %s --uploads %s: got %d parts, %v; want %d", test.memory, test.uploads, got.Uploader.PartConcurrency, err, test.want)
		}
	}
}

// A segment is small enough for the quota to be shared and freed in steps, and
// large enough for any request.
func TestSegmentsFitTheQuotaAndTheRequest(t *testing.T) {
	for _, test := range []struct {
		quota, request, want byteSize
	}{
		{10 << 30, 4 << 20, 64 << 20},
		{1 << 30, 4 << 20, 64 << 20},
		{512 << 20, 4 << 20, 32 << 20},
		{64 << 20, 4 << 20, 16 << 20},
		{64 << 20, 64 << 10, 4 << 20},
		{10 << 30, 16 << 20, 64 << 20},
	} {
		c := serveCmd{Partitions: 4, JournalQuota: test.quota, MaxRequestSize: test.request}
		if got := c.segmentBytes(64 << 20); got != int64(test.want) {
			t.Errorf("quota %v, request %v: got %v, want %v", test.quota, test.request, byteSize(got), test.want)
		}
	}
}
