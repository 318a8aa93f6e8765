package main

import (
	"context"
	"crypto/sha256"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
)

// fakeOperations answers with what it was given, and keeps what it was asked.
type fakeOperations struct {
	destinationsv1.UnimplementedOperationsServer
	t testing.TB

	lines   []*destinationsv1.ListDestinationsResponse
	dead    []*destinationsv1.ListDeadResponse
	objects map[string]string // by key
	found   *destinationsv1.Diagnosis
	egress  []string
	err     error // the end of every call

	asked []string // requests, as text
}

// start serves f on loopback and returns its address.
func (f *fakeOperations) start(t testing.TB) string {
	t.Helper()
	f.t = t
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	destinationsv1.RegisterOperationsServer(server, f)
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return listener.Addr().String()
}

// ask keeps a request: one call is under way at a time.
func (f *fakeOperations) ask(parts ...string) { f.asked = append(f.asked, strings.Join(parts, " ")) }

func (f *fakeOperations) GetEgressAddresses(context.Context, *destinationsv1.GetEgressAddressesRequest) (*destinationsv1.GetEgressAddressesResponse, error) {
	f.ask("egress")
	return &destinationsv1.GetEgressAddressesResponse{Addresses: f.egress}, f.err
}

func (f *fakeOperations) ListDestinations(r *destinationsv1.ListDestinationsRequest, call grpc.ServerStreamingServer[destinationsv1.ListDestinationsResponse]) error {
	f.ask("list", r.GetState().String())
	for _, line := range f.lines {
		if err := call.Send(line); err != nil {
			return err
		}
	}
	return f.err
}

func (f *fakeOperations) Redrive(_ context.Context, r *destinationsv1.RedriveRequest) (*destinationsv1.RedriveResponse, error) {
	f.ask("redrive", r.GetBucket(), r.GetPrefix())
	return &destinationsv1.RedriveResponse{Destinations: 1, Batches: 2, Events: 30}, f.err
}

func (f *fakeOperations) ListDead(r *destinationsv1.ListDeadRequest, call grpc.ServerStreamingServer[destinationsv1.ListDeadResponse]) error {
	f.ask("dead", r.GetBucket(), r.GetPrefix())
	for _, batch := range f.dead {
		if err := call.Send(batch); err != nil {
			return err
		}
	}
	return f.err
}

func (f *fakeOperations) ExportDead(r *destinationsv1.ExportDeadRequest, call grpc.ServerStreamingServer[destinationsv1.ExportDeadResponse]) error {
	f.ask("export", r.GetBucket(), r.GetKey())
	for piece := range slices.Chunk([]byte(f.objects[r.GetKey()]), 3) {
		if err := call.Send(&destinationsv1.ExportDeadResponse{Data: piece}); err != nil {
			return err
		}
	}
	return f.err
}

func (f *fakeOperations) DiscardDead(_ context.Context, r *destinationsv1.DiscardDeadRequest) (*destinationsv1.DiscardDeadResponse, error) {
	f.ask("discard", r.GetBucket(), r.GetPrefix(), r.GetKey())
	return &destinationsv1.DiscardDeadResponse{Batches: 1, Events: r.GetEvents()}, f.err
}

// wantAsked checks what the fake was asked since the last time.
func (f *fakeOperations) wantAsked(want ...string) {
	f.t.Helper()
	if !slices.Equal(f.asked, want) {
		f.t.Errorf("got the calls %q, want %q", f.asked, want)
	}
	f.asked = nil
}

func at(text string) *timestamppb.Timestamp {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		panic(err)
	}
	return timestamppb.New(t)
}

func destinationLine(bucket, prefix string) *destinationsv1.ListDestinationsResponse {
	return &destinationsv1.ListDestinationsResponse{
		Subject: &destinationsv1.ListDestinationsResponse_Destination{Destination: &destinationsv1.Destination{Bucket: bucket, Prefix: prefix}},
		State:   destinationsv1.DestinationState_DESTINATION_STATE_ACTIVE,
	}
}

func sharedLine(what destinationsv1.Shared, state destinationsv1.DestinationState) *destinationsv1.ListDestinationsResponse {
	return &destinationsv1.ListDestinationsResponse{Subject: &destinationsv1.ListDestinationsResponse_Shared{Shared: what}, State: state}
}

// somewhatWrong is a list with every state.
func somewhatWrong() []*destinationsv1.ListDestinationsResponse {
	active := destinationLine("a-bucket", "")
	active.BacklogEvents, active.BacklogBytes, active.OldestEventAge = 7, 900, durationpb.New(12*time.Second)

	blocked := destinationLine("b-bucket", "test/")
	blocked.State, blocked.Since, blocked.Code = destinationsv1.DestinationState_DESTINATION_STATE_BLOCKED, at("2026-01-02T03:04:05Z"), "AccessDenied"
	blocked.Message = "CreateMultipartUpload s3://b-bucket/test/2026.gz: operation error S3: CreateMultipartUpload, https response error StatusCode: 403, " +
		"RequestID: R, HostID: H, api error AccessDenied: User: arn:aws:iam::1:role/x is not\nauthorized to perform: s3:PutObject\x1b[2J"
	blocked.BacklogEvents, blocked.BacklogBytes, blocked.OldestEventAge = 1_234_567, 1_300_000_000, durationpb.New(26*time.Hour+50*time.Minute)
	blocked.NextTry, blocked.DeadEvents, blocked.ParkedEvents, blocked.OverQuota = at("2026-01-01T00:00:00Z"), 1200, 5, true

	blocked.Diagnosis = someDiagnosis()

	gone := destinationLine("gone", "")
	gone.State, gone.Since, gone.Code, gone.ByHand = destinationsv1.DestinationState_DESTINATION_STATE_BLOCKED, at("2026-01-02T03:04:05Z"), "NoSuchBucket", true

	behind := destinationLine("z-bucket", "logs/app/")
	behind.State, behind.BacklogEvents, behind.BacklogBytes = destinationsv1.DestinationState_DESTINATION_STATE_CATCHING_UP, 1000, 3<<20

	credentials := sharedLine(destinationsv1.Shared_SHARED_CREDENTIALS, destinationsv1.DestinationState_DESTINATION_STATE_RETRYING)
	credentials.Since, credentials.Code, credentials.WaitingDestinations = at("2026-01-02T03:04:05Z"), "ExpiredToken", 1000
	credentials.Message = "PutObject s3://x/y.gz: operation error S3: PutObject, api error ExpiredToken: The provided token has expired."

	waiting := destinationLine("w-bucket", "")
	waiting.State, waiting.Since, waiting.Code, waiting.Message = destinationsv1.DestinationState_DESTINATION_STATE_BLOCKED, credentials.Since, credentials.Code, credentials.Message

	silent := destinationLine("y-bucket", "")
	silent.State, silent.Since, silent.Code = destinationsv1.DestinationState_DESTINATION_STATE_RETRYING, at("2026-01-02T03:04:05Z"), "ConnectionRefused"
	silent.Message = `PutObject s3://y/z.gz: operation error S3: PutObject, request send failed, Put "http://127.0.0.1:1/y/z.gz?x-id=PutObject": dial tcp 127.0.0.1:1: connect: connection refused`
	endpoint := sharedLine(destinationsv1.Shared_SHARED_ENDPOINT, destinationsv1.DestinationState_DESTINATION_STATE_ACTIVE)
	endpoint.Region = "eu-west-1"
	return []*destinationsv1.ListDestinationsResponse{
		endpoint, credentials, active, blocked, gone, waiting, silent, behind,
	}
}

func TestListShowsATable(t *testing.T) {
	fake := &fakeOperations{lines: somewhatWrong()}
	got := run(t, "list", "--target", fake.start(t))
	if got.code != exitOK || got.stderr != "" {
		t.Errorf("got %+v", got)
	}
	golden(t, "list.golden", got.stdout)
	fake.wantAsked("list DESTINATION_STATE_UNSPECIFIED")
}

func TestListPrintsJSON(t *testing.T) {
	fake := &fakeOperations{lines: somewhatWrong()}
	got := run(t, "list", "--target", fake.start(t), "--json")
	if got.code != exitOK || got.stderr != "" {
		t.Errorf("got %+v", got)
	}
	golden(t, "list-json.golden", got.stdout)
}

// A closed partition is named, and fails the command, since what it holds is not in
// the list.
func TestListNamesAClosedPartition(t *testing.T) {
	fake := &fakeOperations{lines: []*destinationsv1.ListDestinationsResponse{
		somewhatWrong()[0], closedLine(3, "/data/0003/events.seg", 4096, "checksum"),
	}}
	target := fake.start(t)
	got := run(t, "list", "--target", target)
	const line = "partition 3 is closed: /data/0003/events.seg at byte 4096: checksum; stop the service and see \"destinations journal verify\"\n"
	const end = "\n\nelsewhere no destination has undelivered events or is blocked\n"
	if got.code != exitFailed || got.stderr != "" || !strings.HasPrefix(got.stdout, line) || !strings.HasSuffix(got.stdout, end) {
		t.Errorf("got %+v", got)
	}
	got = run(t, "list", "--target", target, "--json")
	if got.code != exitFailed || got.stderr != "" || !strings.Contains(got.stdout, `"subject":"partition","partition":3,"file":"/data/0003/events.seg","offset":4096,"state":"blocked","message":"checksum"`) {
		t.Errorf("got %+v", got)
	}
}

// closedLine is a partition that is closed.
func closedLine(partition uint32, file string, offset uint64, message string) *destinationsv1.ListDestinationsResponse {
	return &destinationsv1.ListDestinationsResponse{
		Subject: &destinationsv1.ListDestinationsResponse_ClosedPartition{ClosedPartition: &destinationsv1.ClosedPartition{Partition: partition, File: file, Offset: offset}},
		State:   destinationsv1.DestinationState_DESTINATION_STATE_BLOCKED, Message: message,
	}
}

func TestListFiltersByState(t *testing.T) {
	fake := &fakeOperations{}
	target := fake.start(t)
	for flag, state := range map[string]string{
		"active": "ACTIVE", "retrying": "RETRYING", "blocked": "BLOCKED", "catching-up": "CATCHING_UP",
	} {
		got := run(t, "list", "--target", target, "--state", flag)
		if got != (outcome{stdout: "no destination with undelivered events is in this state\n"}) {
			t.Errorf("%s: got %+v", flag, got)
		}
		fake.wantAsked("list DESTINATION_STATE_" + state)
	}
}

func TestListOfNothing(t *testing.T) {
	fake := &fakeOperations{lines: somewhatWrong()[:1]}
	got := run(t, "list", "--target", fake.start(t))
	if got.code != exitOK || !strings.HasSuffix(got.stdout, "\n\nno destination has undelivered events or is blocked\n") {
		t.Errorf("got %+v", got)
	}
}

// What came before the error is not shown as if it were all.
func TestListThatEndsEarlyFails(t *testing.T) {
	fake := &fakeOperations{lines: somewhatWrong(), err: endOfStream(t, codes.Unavailable, "SHUTTING_DOWN")}
	got := run(t, "list", "--target", fake.start(t))
	if got.code != exitFailed || got.stdout != "" || !strings.Contains(got.stderr, "destinations list: Unavailable (SHUTTING_DOWN)") {
		t.Errorf("got %+v", got)
	}
}

func TestRedriveNamesWhatIsTried(t *testing.T) {
	fake := &fakeOperations{}
	target := fake.start(t)
	for _, test := range []struct {
		args  []string
		asked string
	}{
		{[]string{"--all"}, "redrive  "},
		{[]string{"--bucket", "bkt", "--prefix", ""}, "redrive bkt "},
		{[]string{"--bucket", "bkt", "--prefix", "p"}, "redrive bkt p"},
	} {
		got := run(t, append([]string{"redrive", "--target", target}, test.args...)...)
		if got != (outcome{stdout: "tried again: 1 blocked destination, 2 dead batches of 30 events\n"}) {
			t.Errorf("%v: got %+v", test.args, got)
		}
		fake.wantAsked(test.asked)
	}
}

// Without a prefix each destination of the bucket is meant, and not the one that has
// none.
func TestRedriveOfABucketIsOfAllItsPrefixes(t *testing.T) {
	fake := &fakeOperations{lines: append(somewhatWrong(), destinationLine("bkt", ""), destinationLine("bkt", "p/"))}
	target := fake.start(t)
	got := run(t, "redrive", "--target", target, "--bucket", "bkt")
	if got != (outcome{stdout: "tried again: 2 blocked destinations, 4 dead batches of 60 events\n"}) {
		t.Errorf("got %+v", got)
	}
	fake.wantAsked("list DESTINATION_STATE_UNSPECIFIED", "redrive bkt ", "redrive bkt p/")
	got = run(t, "redrive", "--target", target, "--bucket", "other")
	if got.code != exitFailed || got.stderr != "destinations redrive: --bucket: no destination of other has undelivered events or is blocked\n" {
		t.Errorf("got %+v", got)
	}
}

func TestDeadOfABucketIsOfAllItsPrefixes(t *testing.T) {
	fake := twoDead()
	target := fake.start(t)
	if got := run(t, "dead", "list", "--target", target, "--bucket", "bkt"); got.code != exitOK || strings.Count(got.stdout, "p/q/2026") != 2 {
		t.Errorf("got %+v", got)
	}
	if got := run(t, "dead", "list", "--target", target, "--bucket", "other"); got != (outcome{stdout: "no batch is dead\n"}) {
		t.Errorf("got %+v", got)
	}
	if got := run(t, "dead", "discard", "--target", target, "--bucket", "bkt", "--events", "1,042"); got != (outcome{stdout: "destroyed: 1 batch of 1042 events\n"}) {
		t.Errorf("got %+v", got)
	}
	fake.wantAsked("dead  ", "dead  ", "dead  ", "discard bkt p/q/ ")
	fake.dead[1].Destination.Prefix = "r/"
	got := run(t, "dead", "discard", "--target", target, "--bucket", "bkt", "--events", "42")
	if got.code != exitFailed || !strings.Contains(got.stderr, `--prefix is needed: batches of 2 prefixes of the bucket are dead, such as "p/q/" and "r/"`) {
		t.Errorf("got %+v", got)
	}
	fake.wantAsked("dead  ")
}

// What is known is shown beside the error of a part of the journal.
func TestDeadListShowsWhatItHasBesideAnError(t *testing.T) {
	fake := twoDead()
	fake.err = endOfStream(t, codes.Unavailable, "PARTITION_UNAVAILABLE")
	got := run(t, "dead", "list", "--target", fake.start(t))
	if got.code != exitFailed || strings.Count(got.stdout, "p/q/2026") != 2 || !strings.Contains(got.stderr, "PARTITION_UNAVAILABLE") {
		t.Errorf("got %+v", got)
	}
}

func TestTimeoutNamesItsFlag(t *testing.T) {
	target := (&fakeOperations{}).start(t)
	for _, command := range [][]string{{"list"}, {"flush"}, {"redrive", "--all"}, {"dead", "list"}, {"dead", "discard", "--bucket", "bkt", "--prefix", "p", "--events", "1"}} {
		got := run(t, append(command, "--target", target, "--timeout", "1ns")...)
		if want := target + " (--target): no answer within 1ns (--timeout)\n"; got.code != exitFailed || !strings.HasSuffix(got.stderr, ": "+want) {
			t.Errorf("%v: got %+v", command, got)
		}
	}
}

func TestEventCountIsReadAsItIsWritten(t *testing.T) {
	for text, want := range map[string]eventCount{"0": 0, "30000": 30_000, "30,000": 30_000, "1,234,567": 1_234_567, "3,0000": 0, "1,23": 0, ",1": 0, "": 0, "-1": 0, "007": 0} {
		var got eventCount
		if err := got.UnmarshalText([]byte(text)); got != want || (err != nil) != (want == 0 && text != "0") {
			t.Errorf("%q: got %d, %v", text, got, err)
		}
	}
}

const (
	oneKey   = "p/q/2026/01/02/03/2026-01-02-03-04-05-aa.gz"
	otherKey = "p/q/2026/01/02/03/2026-01-02-03-04-06-bb.gz"
)

// twoDead are two dead batches and their objects.
func twoDead() *fakeOperations {
	f := &fakeOperations{objects: map[string]string{oneKey: "the first object", otherKey: "the second"}}
	for key, events := range map[string]uint64{oneKey: 12, otherKey: 30} {
		sum := sha256.Sum256([]byte(f.objects[key]))
		f.dead = append(f.dead, &destinationsv1.ListDeadResponse{
			Destination: &destinationsv1.Destination{Bucket: "bkt", Prefix: "p/q/"}, Key: key, Events: events, Size: uint64(len(f.objects[key])),
			Sha256: sum[:], Reason: "EntityTooLarge", Since: at("2026-01-02T03:04:05Z"),
		})
	}
	slices.SortFunc(f.dead, func(a, b *destinationsv1.ListDeadResponse) int { return strings.Compare(a.GetKey(), b.GetKey()) })
	return f
}

func TestDeadListShowsATable(t *testing.T) {
	fake := twoDead()
	target := fake.start(t)
	golden(t, "dead-list.golden", run(t, "dead", "list", "--target", target).stdout)
	golden(t, "dead-list-json.golden", run(t, "dead", "list", "--target", target, "--bucket", "bkt", "--prefix", "p/q", "--json").stdout)
	fake.wantAsked("dead  ", "dead bkt p/q")
	fake.dead = nil
	if got := run(t, "dead", "list", "--target", target); got != (outcome{stdout: "no batch is dead\n"}) {
		t.Errorf("got %+v", got)
	}
}

func filesIn(t *testing.T, dir string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, e := range entries {
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		files[e.Name()] = string(text)
	}
	return files
}

func TestDeadExportWritesFiles(t *testing.T) {
	one, other := filepath.Base(oneKey), filepath.Base(otherKey)
	for _, test := range []struct {
		name  string
		args  []string // DIR is the folder
		want  map[string]string
		asked []string
	}{
		{"all into a folder", []string{"--prefix", "p/q", "--output", "DIR"}, map[string]string{one: "the first object", other: "the second"},
			[]string{"dead bkt p/q", "export bkt " + oneKey, "export bkt " + otherKey}},
		{"one into a folder", []string{"--key", otherKey, "--output", "DIR/"}, map[string]string{other: "the second"},
			[]string{"dead bkt p/q/", "export bkt " + otherKey}},
		{"one into a file", []string{"--key", oneKey, "--output", "DIR/x.gz"}, map[string]string{"x.gz": "the first object"},
			[]string{"dead bkt p/q/", "export bkt " + oneKey}},
	} {
		t.Run(test.name, func(t *testing.T) {
			fake, dir := twoDead(), t.TempDir()
			args := []string{"dead", "export", "--target", fake.start(t), "--bucket", "bkt"}
			for _, arg := range test.args {
				args = append(args, strings.Replace(arg, "DIR", dir, 1))
			}
			for range 2 { // the second time all is there
				got := run(t, args...)
				if got.code != exitOK || got.stderr != "" || strings.Count(got.stdout, "\n") != len(test.want) {
					t.Errorf("got %+v", got)
				}
				if files := filesIn(t, dir); !mapsEqual(files, test.want) {
					t.Errorf("got %q, want %q", files, test.want)
				}
			}
			fake.wantAsked(append(test.asked, test.asked[0])...)
		})
	}
}

func mapsEqual(a, b map[string]string) bool {
	if len(a) != len(b) {
		return false
	}
	for k, v := range a {
		if b[k] != v {
			return false
		}
	}
	return true
}

func TestDeadExportLeavesNoHalfFile(t *testing.T) {
	for _, test := range []struct {
		name    string
		prepare func(f *fakeOperations, dir string)
		want    string
		files   int
	}{
		{"other bytes", func(f *fakeOperations, _ string) { f.objects[oneKey] = "something else" }, "what came has the SHA-256", 0},
		{"too few bytes", func(f *fakeOperations, _ string) { f.objects[oneKey] = "the first" }, "what came has the SHA-256", 0},
		{"no such key", func(f *fakeOperations, _ string) { f.dead = nil }, "no dead batch of the key", 0},
		{"another file is there", func(_ *fakeOperations, dir string) {
			_ = os.WriteFile(filepath.Join(dir, "x"), []byte("mine"), 0o600)
		}, "holds something else", 1},
		{"no folder", func(_ *fakeOperations, dir string) { _ = os.Remove(dir) }, "no such file", 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			fake, dir := twoDead(), filepath.Join(t.TempDir(), "d")
			if err := os.Mkdir(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			test.prepare(fake, dir)
			got := run(t, "dead", "export", "--target", fake.start(t), "--bucket", "bkt", "--key", oneKey, "--output", filepath.Join(dir, "x"))
			if got.code != exitFailed || !strings.Contains(got.stderr, test.want) {
				t.Errorf("got %+v, want %q", got, test.want)
			}
			if entries, _ := os.ReadDir(dir); len(entries) != test.files {
				t.Errorf("got %v, want %d files", entries, test.files)
			}
		})
	}
}

func TestDeadExportOfSeveralNeedsAFolder(t *testing.T) {
	fake := twoDead()
	got := run(t, "dead", "export", "--target", fake.start(t), "--bucket", "bkt", "--output", filepath.Join(t.TempDir(), "x"))
	if got.code != exitFailed || !strings.Contains(got.stderr, "is no folder, and there are 2 batches") {
		t.Errorf("got %+v", got)
	}
}

func TestDeadDiscardSaysWhatItDestroys(t *testing.T) {
	fake := twoDead()
	target := fake.start(t)
	for _, test := range []struct {
		args  []string
		asked string
	}{
		{[]string{"--prefix", "p"}, "discard bkt p "},
		{[]string{"--key", oneKey}, "discard bkt p/q/ " + oneKey},
	} {
		got := run(t, append([]string{"dead", "discard", "--target", target, "--bucket", "bkt", "--events", "12"}, test.args...)...)
		if got != (outcome{stdout: "destroyed: 1 batch of 12 events\n"}) {
			t.Errorf("%v: got %+v", test.args, got)
		}
		fake.wantAsked(test.asked)
	}
}

// Nobody at a terminal, nobody to ask.
func TestDeadDiscardNeedsTheNumber(t *testing.T) {
	fake := twoDead()
	got := invocation{args: []string{"dead", "discard", "--target", fake.start(t), "--bucket", "bkt"}, stdin: "42\n"}.run(t)
	if got.code != exitFailed || !strings.Contains(got.stderr, "--events is needed") {
		t.Errorf("got %+v", got)
	}
	fake.wantAsked()
}

func TestDeadDiscardAsks(t *testing.T) {
	for _, test := range []struct {
		name, key, answer string
		events            uint64 // 0 = nothing is destroyed
		want              string // of the error
	}{
		{"both", "", "42\n", 42, ""},
		{"one", oneKey, " 12 \n", 12, ""},
		{"end of input behind it", oneKey, "12", 12, ""},
		{"another number", oneKey, "42\n", 0, "nothing is destroyed"},
		{"yes", "", "yes\n", 0, "nothing is destroyed"},
		{"nothing", "", "", 0, "nothing is destroyed"},
		{"unknown", "unknown", "12\n", 0, "no dead batch of the key unknown"},
	} {
		t.Run(test.name, func(t *testing.T) {
			fake, prefix := twoDead(), "p/q"
			c := &deadDiscardCmd{clientFlags: clientFlags{reachFlags: reachFlags{Target: fake.start(t)}}, Bucket: "bkt", Prefix: &prefix, Key: test.key, Timeout: time.Minute}
			conn, err := c.dial(&process{})
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			var stderr strings.Builder
			p := &process{ctx: t.Context(), stdin: strings.NewReader(test.answer), stderr: &stderr}
			events, err := c.ask(p, destinationsv1.NewOperationsClient(conn), deadNamed(c.Bucket, c.Prefix, c.Key))
			if events != test.events || (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %d, %v; want %d, %q", events, err, test.events, test.want)
			}
			if err == nil && !strings.Contains(stderr.String(), "type the number of events: ") {
				t.Errorf("got %q", stderr.String())
			}
		})
	}
}

func TestPrefixOfAKey(t *testing.T) {
	for key, want := range map[string]string{
		oneKey: "p/q/", "2026/01/02/03/name.gz": "", "a/2026/01/02/03/name.gz": "a/", "name.gz": "", "": "",
		"//2026/01/02/03/name.gz": "//",
	} {
		if got := prefixOf(key); got != want {
			t.Errorf("%s: got %q, want %q", key, got, want)
		}
	}
}

func TestRoughNumbers(t *testing.T) {
	for n, want := range map[uint64]string{0: "0", 999: "999", 1000: "1,000", 12345: "12,345", 1234567: "1,234,567"} {
		if got := thousands(n); got != want {
			t.Errorf("%d: got %s, want %s", n, got, want)
		}
	}
	for n, want := range map[uint64]string{0: "0B", 1023: "1023B", 1024: "1.0KiB", 1536: "1.5KiB", 5 << 30: "5.0GiB", 3 << 40: "3.0TiB"} {
		if got := roughSize(n); got != want {
			t.Errorf("%d: got %s, want %s", n, got, want)
		}
	}
	for d, want := range map[time.Duration]string{
		-1: "0s", 59 * time.Second: "59s", 90 * time.Second: "1m30s", 3*time.Hour + 5*time.Minute: "3h5m", 50 * time.Hour: "2d2h",
	} {
		if got := roughTime(d); got != want {
			t.Errorf("%v: got %s, want %s", d, got, want)
		}
	}
}
