package main

import (
	"context"
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
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/open-destinations/destinations/batcher"
	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
	"github.com/open-destinations/destinations/journal"
	"github.com/open-destinations/destinations/ownership"
	"github.com/open-destinations/destinations/server/auth"
	"github.com/open-destinations/destinations/uploader/uploadertest"
)

// statusBatcher says how things stand.
type statusBatcher struct {
	shared   []batcher.SharedStatus
	statuses []batcher.Status
	closed   []*journal.CorruptError
	err      error
}

func (b *statusBatcher) Shared() []batcher.SharedStatus { return b.shared }

func (b *statusBatcher) Closed() []*journal.CorruptError { return b.closed }

func (b *statusBatcher) Destinations(context.Context) ([]batcher.Status, error) {
	return b.statuses, b.err
}

// waiting is a keeper that knows of these places.
type waiting []ownership.Waiting

func (w waiting) Waiting() []ownership.Waiting { return w }

// nobodysAWS is that no tenant has anything in AWS of its own.
func nobodysAWS(string) *auth.AWS { return nil }

func TestStatusInTheWordsOfTheAPI(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := time.Now()
		u := undelivered{&statusBatcher{
			shared: []batcher.SharedStatus{
				{Subject: "endpoint", Region: "eu-west-1", State: batcher.StateActive},
				{Subject: "credentials", State: batcher.StateBlocked, Since: now, Code: "ExpiredToken", Message: "m", NextTry: now, Destinations: 7},
				{Subject: "credentials", Tenant: "acme", State: batcher.StateBlocked, Code: "NoCredentials"},
			},
			statuses: []batcher.Status{
				{Tenant: "default", Bucket: "b", Prefix: "p/", State: batcher.StateRetrying, Since: now, Code: "c", Message: "m", BacklogEvents: 1, BacklogBytes: 2,
					Oldest: now.Add(-time.Hour), NextTry: now, ByHand: true, ParkedEvents: 3, DeadEvents: 4, OverQuota: true},
				{Bucket: "c", State: batcher.StateCatchingUp, Oldest: now.Add(time.Hour)}, // of a clock that was set back
			},
			closed: []*journal.CorruptError{{Partition: 3, File: "f", Offset: 64, Err: errors.New("m")}},
		}, waiting{
			{Place: ownership.Place{Tenant: "acme", Bucket: "a"}, Advice: "do this"},
			{Place: ownership.Place{Tenant: "acme", Bucket: "b"}, Advice: "do this", Code: "c", Message: "m", Since: now, Next: now},
		}, nobodysAWS}
		stamp := timestamppb.New(now)
		want := []*destinationsv1.ListDestinationsResponse{
			sharedLine(destinationsv1.Shared_SHARED_ENDPOINT, destinationsv1.DestinationState_DESTINATION_STATE_ACTIVE),
			sharedLine(destinationsv1.Shared_SHARED_CREDENTIALS, destinationsv1.DestinationState_DESTINATION_STATE_BLOCKED),
			sharedLine(destinationsv1.Shared_SHARED_CREDENTIALS, destinationsv1.DestinationState_DESTINATION_STATE_BLOCKED),
			closedLine(3, "f", 64, "m"),
			destinationLine("b", "p/"),
			destinationLine("c", ""),
			destinationLine("a", ""),
			destinationLine("b", ""),
		}
		want[2].Tenant, want[2].Code = "acme", "NoCredentials"
		places := want[4:]
		want[0].Region = "eu-west-1"
		c := want[1]
		c.Since, c.Code, c.Message, c.NextTry, c.WaitingDestinations = stamp, "ExpiredToken", "m", stamp, 7
		places[0].GetDestination().Tenant = "default"
		d := places[0]
		d.State, d.Since, d.Code, d.Message = destinationsv1.DestinationState_DESTINATION_STATE_RETRYING, stamp, "c", "m"
		d.BacklogEvents, d.BacklogBytes, d.OldestEventAge, d.NextTry = 1, 2, durationpb.New(time.Hour), stamp
		d.ByHand, d.ParkedEvents, d.DeadEvents, d.OverQuota = true, 3, 4, true
		places[1].State, places[1].OldestEventAge = destinationsv1.DestinationState_DESTINATION_STATE_CATCHING_UP, durationpb.New(0)
		for _, line := range places[2:] {
			line.GetDestination().Tenant, line.State, line.Message = "acme", destinationsv1.DestinationState_DESTINATION_STATE_UNCONFIRMED, "do this"
		}
		f := places[3]
		f.Since, f.Code, f.Message, f.NextTry = stamp, "c", "m", stamp

		var got []*destinationsv1.ListDestinationsResponse
		err := u.List(t.Context(), func(line *destinationsv1.ListDestinationsResponse) error {
			got = append(got, line)
			return nil
		})
		if err != nil || len(got) != len(want) {
			t.Fatalf("got %v, %v; want %d lines", got, err, len(want))
		}
		for i := range want {
			if !proto.Equal(got[i], want[i]) {
				t.Errorf("got  %v\nwant %v", got[i], want[i])
			}
		}
	})
}

func TestListEndsWithItsErrorAndItsReader(t *testing.T) {
	stopping := errors.New("stopping")
	b := &statusBatcher{shared: []batcher.SharedStatus{{Subject: "endpoint"}}, err: stopping}
	given := 0
	give := func(*destinationsv1.ListDestinationsResponse) error { given++; return nil }
	if err := (undelivered{b, waiting(nil), nobodysAWS}).List(t.Context(), give); !errors.Is(err, stopping) || given != 1 {
		t.Errorf("got %v behind %d lines", err, given)
	}
	b.statuses, b.err = []batcher.Status{{Bucket: "a"}, {Bucket: "b"}}, nil
	gone := errors.New("gone")
	give = func(l *destinationsv1.ListDestinationsResponse) error {
		if l.GetDestination().GetBucket() == "a" {
			return gone
		}
		return nil
	}
	if err := (undelivered{b, waiting(nil), nobodysAWS}).List(t.Context(), give); !errors.Is(err, gone) {
		t.Errorf("got %v, want the reader's", err)
	}
}

// listedIn is how a destination stands, or nil.
func listedIn(t *testing.T, conn *grpc.ClientConn, bucket string) *destinationsv1.ListDestinationsResponse {
	t.Helper()
	call, err := destinationsv1.NewOperationsClient(conn).ListDestinations(t.Context(), &destinationsv1.ListDestinationsRequest{})
	if err != nil {
		t.Fatal(err)
	}
	var found *destinationsv1.ListDestinationsResponse
	for place := 0; ; place++ {
		line, err := call.Recv()
		switch {
		case errors.Is(err, io.EOF):
			return found
		case err != nil:
			t.Fatal(err)
		case place < 2 && (line.GetDestination() != nil || line.GetState() != destinationsv1.DestinationState_DESTINATION_STATE_ACTIVE):
			t.Errorf("line %d: got %v, want what is shared, active", place, line)
		case line.GetDestination().GetBucket() == bucket:
			found = line
		}
	}
}

// What the people who run the service and the sender see of a bucket that refuses,
// from its first failure to its last event.
func TestBlockedBucketFromTheFirstRefusalToTheLastEvent(t *testing.T) {
	for _, redriven := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			s3 := uploadertest.NewS3(t)
			var denied atomic.Bool
			denied.Store(true)
			s3.OnCall(func(c uploadertest.Call) (fault uploadertest.Fault) {
				if denied.Load() && c.Bucket == "bad" && c.Op != "HeadBucket" {
					fault = uploadertest.Answer(http.StatusForbidden, "AccessDenied").Saying("no policy allows it")
				}
				return fault
			})
			r, conn := inBubble(t, s3, "--destination-quota", "10KiB")
			var accepted []string
			sent := 0
			// send sends an event to both buckets in one request, and returns the rejection.
			send := func() *destinationsv1.Rejection {
				t.Helper()
				sent++
				bad, good := fmt.Sprintf("bad %03d %s", sent, strings.Repeat("x", 1000)), fmt.Sprintf("good %03d", sent)
				response, err := sendRequest(t, conn, &destinationsv1.SendS3Request{Events: []*destinationsv1.S3Event{
					{Bucket: "bad", Payload: []byte(bad)}, {Bucket: "good", Payload: []byte(good)},
				}})
				if err != nil {
					t.Fatal(err)
				}
				accepted = append(accepted, good)
				if len(response.GetRejections()) == 0 {
					accepted = append(accepted, bad)
					return nil
				}
				if response.GetAccepted() != 1 || len(response.GetReceipts()) != 1 || response.GetReceipts()[0].GetBucket() != "good" {
					t.Errorf("got %v, want the other destination's event accepted", response)
				}
				return response.GetRejections()[0]
			}

			send()
			<-time.After(3 * time.Minute)
			begun := time.Now().Add(-3 * time.Minute)
			line := listedIn(t, conn, "bad")
			if line.GetState() != destinationsv1.DestinationState_DESTINATION_STATE_BLOCKED || line.GetCode() != "AccessDenied" || line.GetBacklogEvents() != 1 ||
				line.GetSince().AsTime().Before(begun) || !line.GetNextTry().AsTime().After(time.Now()) || line.GetOldestEventAge().AsDuration() != 3*time.Minute || line.GetOverQuota() {
				t.Fatalf("got %v, want it blocked", line)
			}
			if line := listedIn(t, conn, "good"); line != nil {
				t.Errorf("got %v of a destination without a backlog", line)
			}

			var rejection *destinationsv1.Rejection
			for sent < 30 && rejection == nil {
				rejection = send()
				<-time.After(time.Second)
			}
			if rejection.GetCode() != destinationsv1.RejectionCode_REJECTION_CODE_DESTINATION_BLOCKED || rejection.GetField() != "bucket" ||
				!strings.Contains(rejection.GetReason(), "(AccessDenied): ") || !strings.Contains(rejection.GetReason(), "limit 10240 (--destination-quota is 10240;") || rejection.GetIndex() != 0 || sent < 10 {
				t.Errorf("request %d: got %v, want a rejection that names the cause", sent, rejection)
			}
			if line := listedIn(t, conn, "bad"); !line.GetOverQuota() || line.GetBacklogEvents() != uint64(sent-1) {
				t.Errorf("got %v, want it over its quota", line)
			}

			denied.Store(false)
			wait := 10 * time.Minute // a probe, at most 5 minutes later, and a window
			if redriven {
				if _, err := destinationsv1.NewOperationsClient(conn).Redrive(t.Context(), &destinationsv1.RedriveRequest{Bucket: "bad"}); err != nil {
					t.Error(err)
				}
				wait = 2 * time.Minute
			}
			<-time.After(wait)
			if line := listedIn(t, conn, "bad"); line != nil {
				t.Errorf("got %v, want no backlog once it is cured", line)
			}
			if rejection := send(); rejection != nil {
				t.Errorf("got %v, want it to take events again", rejection)
			}
			<-time.After(3 * time.Minute)
			slices.Sort(accepted)
			if got := storedLines(t, s3); !slices.Equal(got, accepted) {
				t.Errorf("got %d lines in S3, want each of the %d accepted ones once", len(got), len(accepted))
			}
			r.stop()
			if err := r.wait(t); err != nil {
				t.Errorf("got %v, want a clean end", err)
			}
		})
	}
}
