package server

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
)

// collect adds one event for each prefix in bucket "demo", in that order.
func collect(d *directory, r *receipts, offset uint64, prefixes ...string) {
	collectIn("demo", d, r, offset, prefixes...)
}

func collectIn(bucket string, d *directory, r *receipts, offset uint64, prefixes ...string) {
	for i, p := range prefixes {
		to := d.find(bucket, p)
		r.add(&touch{destination: to, first: uint32(i), last: uint32(i), accepted: 1}, settledAt(offset, time.Unix(int64(offset), 0)))
	}
}

// settledAt is a request whose one record is at that offset.
func settledAt(offset uint64, received time.Time) *request {
	return &request{received: received, parts: []part{{offset: offset}}}
}

func manyPrefixes(n, size int) []string {
	all := make([]string, n)
	for i := range all {
		tail := fmt.Sprintf("%07d/", i)
		all[i] = strings.Repeat("p", max(0, size-len(tail))) + tail
	}
	return all
}

func TestReceiptStandsForItsEvents(t *testing.T) {
	r := newReceipts(sampleTokens())
	d := newDirectory(4, "default")
	b := d.find("demo", "b")
	collect(d, r, 10, "a")
	r.add(&touch{destination: b, first: 2, last: 5, accepted: 3}, settledAt(11, time.Unix(11, 5)))
	clear(d.known) // a destination that was forgotten and found again is the same
	collect(d, r, 12, "a", "b")
	got := r.finished()
	if len(got) != 2 || got[0].GetPrefix() != "a/" || got[1].GetPrefix() != "b/" || got[0].GetAccepted() != 2 || got[1].GetAccepted() != 4 {
		t.Fatalf("got %v", got)
	}
	token, err := sampleTokens().decode(got[1].GetToken())
	want := Token{
		Tenant: "default", Destination: b.digest, Partition: uint32(b.partition),
		First: Position{Offset: 11, Index: 2}, Last: Position{Offset: 12, Index: 1}, Received: time.Unix(11, 5),
	}
	if err != nil || token != want {
		t.Errorf("got %+v, %v; want %+v", token, err, want)
	}
}

func TestReceiptsAreBoundedByNumber(t *testing.T) {
	for _, n := range []int{999, 1000, 1001, 5000} {
		r := newReceipts(sampleTokens())
		d := newDirectory(4, "default")
		all := manyPrefixes(n, 0)
		for offset := range uint64(3) { // and a receipt that is there goes on counting
			collect(d, r, offset, all...)
		}
		got := r.finished()
		if want := min(n, 1000); len(got) != want || len(r.omitted) != n-want {
			t.Errorf("%d destinations: got %d receipts and %d omitted, want %d", n, len(got), len(r.omitted), want)
		}
		for i, receipt := range got {
			if receipt.GetPrefix() != all[i] || receipt.GetAccepted() != 3 {
				t.Fatalf("receipt %d: got %v, want %s", i, receipt, all[i])
			}
		}
	}
}

func TestReceiptsAreBoundedBySize(t *testing.T) {
	r := newReceipts(sampleTokens())
	d := newDirectory(4, "default")
	all := manyPrefixes(1000, 900)
	collectIn(strings.Repeat("b", 63), d, r, 1<<40, append(all, "short")...)
	size := proto.Size(&destinationsv1.SendS3Response{Receipts: r.finished()})
	if size > 1<<20 || size < 1<<20-12_000 {
		t.Errorf("got %d bytes of receipts, want nearly %d", size, 1<<20)
	}
	if got := len(r.entries) + len(r.omitted); got != 1001 || len(r.omitted) == 0 {
		t.Errorf("got %d receipts and %d omitted, want 1,001 together", len(r.entries), len(r.omitted))
	}
}

func TestOmittedReceiptsAreCountedUpTo100000(t *testing.T) {
	for _, n := range []int{99_999, 100_000, 100_001} {
		r := newReceipts(sampleTokens())
		d := newDirectory(1, "default")
		all := manyPrefixes(1000+n, 0)
		collect(d, r, 1, all...)
		collect(d, r, 2, all[900:1100]...) // again: each counts once
		if want := min(n, 100_000); len(r.omitted) != want {
			t.Errorf("%d omitted: got %d, want %d", n, len(r.omitted), want)
		}
	}
}
