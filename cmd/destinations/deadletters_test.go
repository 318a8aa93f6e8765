package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/open-destinations/destinations/batcher"
	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
	"github.com/open-destinations/destinations/journal"
	"github.com/open-destinations/destinations/server"
	"github.com/open-destinations/destinations/uploader/uploadertest"
)

// deadBatcher answers as a batcher does.
type deadBatcher struct {
	asked string
	err   error
}

func (b *deadBatcher) Redrive(_ context.Context, all bool, tenant, bucket, prefix string) (batcher.Redriven, error) {
	b.asked = fmt.Sprint("redrive ", all, tenant, bucket, prefix)
	return batcher.Redriven{Destinations: 1, Batches: 2, Events: 3}, b.err
}

func (b *deadBatcher) Dead(_ context.Context, all bool, tenant, bucket, prefix string) ([]batcher.DeadBatch, error) {
	b.asked = fmt.Sprint("dead ", all, tenant, bucket, prefix)
	return []batcher.DeadBatch{
		{Tenant: "t", Bucket: "bkt", Prefix: "p/", Key: "k", Events: 1, Size: 2, SHA256: [32]byte{3}, Reason: "r", Since: time.Unix(5, 0)},
		{Tenant: "u", Bucket: "bkt", Prefix: "p/", Key: "theirs"},
		{Bucket: "other"},
	}, b.err
}

func (b *deadBatcher) OpenDead(_ context.Context, bucket, key string) (io.ReadCloser, error) {
	b.asked = fmt.Sprint("open ", bucket, key)
	return io.NopCloser(strings.NewReader("object")), b.err
}

func (b *deadBatcher) DiscardDead(_ context.Context, tenant, bucket, prefix, key string, events uint64) (batcher.Discarded, error) {
	b.asked = fmt.Sprint("discard ", tenant, bucket, prefix, key, events)
	return batcher.Discarded{Batches: 1, Events: events}, b.err
}

// What is damaged is named, with what can be done.
func TestExportOfADamagedBatchSaysWhatToDo(t *testing.T) {
	err := inServerWords(fmt.Errorf("batch k: %w: the checksum of f.gz", batcher.ErrBatchDamaged))
	const want = `the batch can't be read: batch k: the file of the parked batch is damaged: the checksum of f.gz; put a copy of the file in its place, or end the batch with "destinations dead discard"`
	if !errors.Is(err, server.ErrBatchDamaged) || err.Error() != want {
		t.Errorf("got %v", err)
	}
}

func TestBatcherAnswersInTheServersWords(t *testing.T) {
	one := server.Selection{Tenant: "t", Bucket: "b", Prefix: "p/"}
	b := &deadBatcher{}
	letters := deadLetters{b}
	wantAsked := func(want string) {
		t.Helper()
		if b.asked != want {
			t.Errorf("asked %q, want %q", b.asked, want)
		}
	}
	redriven, err := redriver{b}.Redrive(t.Context(), one)
	if err != nil || redriven.GetDestinations() != 1 || redriven.GetBatches() != 2 || redriven.GetEvents() != 3 {
		t.Errorf("got %v, %v", redriven, err)
	}
	wantAsked("redrive falsetbp/")
	var listed []*destinationsv1.ListDeadResponse
	err = letters.List(t.Context(), server.Selection{All: true}, func(line *destinationsv1.ListDeadResponse) error {
		listed = append(listed, line)
		return nil
	})
	if err != nil || len(listed) != 3 || listed[2].GetSince() != nil {
		t.Fatalf("got %v, %v", listed, err)
	}
	if l := listed[0]; l.GetDestination().GetTenant() != "t" || l.GetDestination().GetBucket() != "bkt" || l.GetDestination().GetPrefix() != "p/" || l.GetKey() != "k" || l.GetEvents() != 1 ||
		l.GetSize() != 2 || l.GetSha256()[0] != 3 || l.GetReason() != "r" || l.GetSince().GetSeconds() != 5 {
		t.Errorf("got %v", l)
	}
	wantAsked("dead true")
	ours := server.DeadBatch{Tenant: "t", Bucket: "bkt", Key: "k", Covers: func(prefix string) bool { return prefix == "p/" }}
	if object, err := letters.Open(t.Context(), ours); err != nil || object == nil {
		t.Errorf("got %v, %v", object, err)
	}
	wantAsked("open bktk")
	theirs, out := ours, ours
	theirs.Key = "theirs"
	out.Covers = func(string) bool { return false }
	for name, of := range map[string]server.DeadBatch{"another tenant's": theirs, "out of the grant's reach": out} {
		if _, err := letters.Open(t.Context(), of); !errors.Is(err, server.ErrBatchUnknown) {
			t.Errorf("%s: got %v, want %v", name, err, server.ErrBatchUnknown)
		}
	}
	wantAsked("dead truet")
	discarded, err := letters.Discard(t.Context(), one, "k", 9)
	if err != nil || discarded.GetBatches() != 1 || discarded.GetEvents() != 9 {
		t.Errorf("got %v, %v", discarded, err)
	}
	wantAsked("discard tbp/k9")
}

func TestErrorsOfDeadBatchesAreTheServers(t *testing.T) {
	for have, want := range map[error]error{
		batcher.ErrBatchUnknown:                       server.ErrBatchUnknown,
		&batcher.EventsDifferError{Have: 12, Said: 7}: server.ErrEventsDiffer,
		journal.ErrClosed:                             journal.ErrClosed,
	} {
		b := &deadBatcher{err: fmt.Errorf("shard 1: %w", have)}
		_, err := deadLetters{b}.Discard(t.Context(), server.Selection{}, "", 7)
		if !errors.Is(err, want) {
			t.Errorf("%v: got %v", have, err)
		}
		if _, err := (deadLetters{b}).Open(t.Context(), server.DeadBatch{Tenant: "t", Bucket: "bkt", Key: "k", Covers: func(string) bool { return true }}); !errors.Is(err, want) {
			t.Errorf("%v: got %v", have, err)
		}
		if errors.Is(err, server.ErrEventsDiffer) && !strings.HasSuffix(err.Error(), ": 12, and 7 were said") {
			t.Errorf("got %v, want both numbers", err)
		}
	}
}

// A consumer that stops a list is heard.
func TestListOfDeadBatchesEndsWithItsReader(t *testing.T) {
	gone := errors.New("gone")
	given := 0
	err := deadLetters{&deadBatcher{}}.List(t.Context(), server.Selection{All: true}, func(*destinationsv1.ListDeadResponse) error {
		given++
		return gone
	})
	if !errors.Is(err, gone) || given != 1 {
		t.Errorf("got %v after %d", err, given)
	}
}

// inBubble runs a service over S3 in memory, in a bubble, with a connection to it.
func inBubble(t *testing.T, s3 *uploadertest.S3, args ...string) (*running, *grpc.ClientConn) {
	t.Helper()
	config := testConfig(t, t.TempDir(), append([]string{"--partitions", "1"}, args...)...)
	config.Listen, config.AdminListen = "api", "admin"
	network := memoryNet{}
	p := testParams(config, s3.Config())
	p.Listen = network.listen
	r := start(t, p)
	conn := network.dial(t, "api")
	t.Cleanup(func() { conn.Close() })
	return r, conn
}

// From a batch that S3 will not have to its redrive, and another one to its end.
func TestDeadBatchesAreListedExportedRedrivenAndDiscarded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s3 := uploadertest.NewS3(t)
		var refusing atomic.Bool
		refusing.Store(true)
		s3.OnCall(func(c uploadertest.Call) (fault uploadertest.Fault) {
			if refusing.Load() && c.Op == "PutObject" && c.Bucket == "bad" {
				fault = uploadertest.Answer(http.StatusBadRequest, "InvalidRequest")
			}
			return fault
		})
		r, conn := inBubble(t, s3)
		client := destinationsv1.NewOperationsClient(conn)
		send := func(bucket string, payloads ...string) {
			t.Helper()
			request := &destinationsv1.SendS3Request{Bucket: bucket, Prefix: "p"}
			for _, payload := range payloads {
				request.Events = append(request.Events, &destinationsv1.S3Event{Payload: []byte(payload)})
			}
			if _, err := sendRequest(t, conn, request); err != nil {
				t.Fatal(err)
			}
			<-time.After(10 * time.Minute) // a window, and all tries
		}
		send("bad", "one", "two")
		send("good", "three")
		refusing.Store(false)
		send("bad", "between") // or its destination, and not the next batch, would be what is refused
		refusing.Store(true)
		send("bad", "four")
		dead := deadIn(t, client)
		if len(dead) != 2 || dead[0].GetEvents()+dead[1].GetEvents() != 3 || !strings.Contains(dead[0].GetReason(), "InvalidRequest") {
			t.Fatalf("got %v, want two dead batches", dead)
		}
		if got := storedLines(t, s3); !slices.Equal(got, []string{"between", "three"}) {
			t.Errorf("got %q in S3, want the others", got)
		}
		for _, batch := range dead {
			if object := exported(t, client, batch.GetKey()); sha256.Sum256(object) != [32]byte(batch.GetSha256()) || uint64(len(object)) != batch.GetSize() {
				t.Errorf("%s: got %d bytes, want %d of that sum", batch.GetKey(), len(object), batch.GetSize())
			}
		}

		first, second := dead[0], dead[1]
		_, err := client.DiscardDead(t.Context(), &destinationsv1.DiscardDeadRequest{Bucket: "bad", Prefix: "p", Key: first.GetKey(), Events: 99})
		if status.Code(err) != codes.FailedPrecondition || errorInfo(status.Convert(err)).GetReason() != "EVENTS_DIFFER" {
			t.Errorf("discard of another number: got %v", err)
		}
		if r, err := client.DiscardDead(t.Context(), &destinationsv1.DiscardDeadRequest{
			Bucket: "bad", Prefix: "p", Key: first.GetKey(), Events: first.GetEvents(),
		}); err != nil || r.GetEvents() != first.GetEvents() || r.GetBatches() != 1 {
			t.Errorf("discard: got %v, %v", r, err)
		}
		refusing.Store(false)
		if r, err := client.Redrive(t.Context(), &destinationsv1.RedriveRequest{Bucket: "bad", Prefix: "p"}); err != nil || r.GetBatches() != 1 || r.GetEvents() != second.GetEvents() {
			t.Errorf("redrive: got %v, %v", r, err)
		}
		<-time.After(10 * time.Minute)
		if _, ok := s3.Object("bad", second.GetKey()); !ok || len(s3.Objects()) != 3 {
			t.Errorf("got %d objects, want the redriven one under its key", len(s3.Objects()))
		}
		if dead := deadIn(t, client); len(dead) != 0 {
			t.Errorf("got %v, want no dead batch", dead)
		}
		_, err = client.DiscardDead(t.Context(), &destinationsv1.DiscardDeadRequest{Bucket: "bad", Prefix: "p", Key: first.GetKey()})
		if errorInfo(status.Convert(err)).GetReason() != "BATCH_UNKNOWN" {
			t.Errorf("discard of what is gone: got %v", err)
		}
		r.stop()
		if err := r.wait(t); err != nil {
			t.Errorf("got %v, want a clean end", err)
		}
	})
}

// deadIn lists all dead batches.
func deadIn(t *testing.T, client destinationsv1.OperationsClient) []*destinationsv1.ListDeadResponse {
	t.Helper()
	dead, err := new(clientFlags).deadOf(t.Context(), client, deadSelection{})
	if err != nil {
		t.Fatal(err)
	}
	return dead
}

// exported is the object of a dead batch.
func exported(t *testing.T, client destinationsv1.OperationsClient, key string) (object []byte) {
	t.Helper()
	call, err := client.ExportDead(t.Context(), &destinationsv1.ExportDeadRequest{Bucket: "bad", Key: key})
	if err != nil {
		t.Fatal(err)
	}
	for {
		piece, err := call.Recv()
		if errors.Is(err, io.EOF) {
			return object
		}
		if err != nil {
			t.Fatal(err)
		}
		object = append(object, piece.GetData()...)
	}
}
