package server_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	journalv1 "github.com/open-destinations/destinations/gen/destinations/journal/v1"
	"github.com/open-destinations/destinations/journal"
	"github.com/open-destinations/destinations/server"
)

func openJournal(t testing.TB, change func(*journal.Config)) *journal.Journal {
	t.Helper()
	config := journal.DefaultConfig()
	config.Dir = t.TempDir()
	config.Partitions = partitions
	config.SegmentBytes = 1 << 20
	if change != nil {
		change(&config)
	}
	j, err := journal.Open(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := j.Close(); err != nil {
			t.Errorf("close the journal: %v", err)
		}
	})
	return j
}

// stored is an event as it stands in the journal.
type stored struct {
	at          server.Position
	destination string // bucket and prefix
	payload     string
}

// readBack returns all events of a partition.
func readBack(t testing.TB, j *journal.Journal, partition int) []stored {
	t.Helper()
	r, err := j.Partition(partition).Events().NewReader(0)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var all []stored
	for {
		rec, offset, err := r.Next()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		var events journalv1.Events
		if err := proto.Unmarshal(rec, &events); err != nil {
			t.Fatal(err)
		}
		for i, e := range events.GetEvents() {
			to := events.GetDestinations()[e.GetDestination()]
			all = append(all, stored{server.Position{Offset: offset, Index: uint32(i)}, to.GetBucket() + " " + to.GetPrefix(), string(e.GetPayload())})
		}
	}
}

func TestAnsweredEventsStandInTheJournal(t *testing.T) {
	j := openJournal(t, nil)
	h := start(t, setup{journal: server.OverJournal(j)})
	const streams, requests, events, prefixes = 4, 50, 20, 7
	var wg sync.WaitGroup
	for s := range streams {
		wg.Go(func() {
			stream := h.open(t)
			for r := range requests {
				in := request("")
				for e := range events {
					n := r*events + e
					one := request(fmt.Sprintf("s%d/p%d", s, n%prefixes), fmt.Sprint(n))
					one.Events[0].Prefix = &one.Prefix
					in.Events = append(in.Events, one.Events[0])
				}
				send(t, stream, in)
			}
			response, err := stream.CloseAndRecv()
			if err != nil || response.GetAccepted() != requests*events || len(response.GetReceipts()) != prefixes {
				t.Errorf("got %v, %v", response, err)
			}
			for _, receipt := range response.GetReceipts() {
				token, err := server.DecodeToken(tokenKey, j.ID(), receipt.GetToken())
				if err != nil {
					t.Errorf("token: %v", err)
					continue
				}
				wantInJournal(t, j, receipt.GetBucket()+" "+receipt.GetPrefix(), token, receipt.GetAccepted())
			}
		})
	}
	wg.Wait()
}

// wantInJournal checks that a destination's events stand in order between the
// positions of a token, and nowhere else.
func wantInJournal(t *testing.T, j *journal.Journal, destination string, token server.Token, accepted uint64) {
	t.Helper()
	var mine []stored
	for _, e := range readBack(t, j, int(token.Partition)) {
		if e.destination == destination {
			mine = append(mine, e)
		}
	}
	if uint64(len(mine)) != accepted || len(mine) == 0 {
		t.Errorf("%s: got %d events in the journal, want %d", destination, len(mine), accepted)
		return
	}
	if mine[0].at != token.First || mine[len(mine)-1].at != token.Last {
		t.Errorf("%s: got events %v to %v, want %v to %v", destination, mine[0].at, mine[len(mine)-1].at, token.First, token.Last)
	}
	before := -1
	for _, e := range mine {
		var n int
		if _, err := fmt.Sscan(e.payload, &n); err != nil || n <= before {
			t.Errorf("%s: got %s behind %d", destination, e.payload, before)
		}
		before = n
	}
}

func TestFullJournalIsToldToTheCaller(t *testing.T) {
	j := openJournal(t, func(c *journal.Config) { c.QuotaBytes = 2 * partitions * c.SegmentBytes })
	h := start(t, setup{journal: server.OverJournal(j)})
	stream := h.open(t)
	for range 40 {
		send(t, stream, request("a", strings.Repeat("x", 1<<19)))
	}
	_, err := stream.CloseAndRecv()
	durable := len(readBack(t, j, server.Partition("default", "demo", "a/", partitions)))
	if durable == 0 || durable == 40 {
		t.Fatalf("got %d durable requests, want some", durable)
	}
	wantStatus(t, err, codes.ResourceExhausted, "JOURNAL_FULL", fmt.Sprint(durable))
	if !strings.Contains(err.Error(), "of its quota of ") {
		t.Errorf("got %v, want what is full, and how much of it is used", err)
	}
}

func TestClosedJournalIsShuttingDown(t *testing.T) {
	j := openJournal(t, nil)
	h := start(t, setup{journal: server.OverJournal(j)})
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	_, err := h.sendAll(t, request("a", "x"))
	wantStatus(t, err, codes.Unavailable, "SHUTTING_DOWN", "0")
}
