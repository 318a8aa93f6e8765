package batcher_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"

	"github.com/open-destinations/destinations/batcher"
	journalv1 "github.com/open-destinations/destinations/gen/destinations/journal/v1"
	"github.com/open-destinations/destinations/journal"
)

func (w *world) statuses() (list []batcher.Status) {
	w.t.Helper()
	list, err := w.batcher.Destinations(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	return list
}

// status is the one of d; it is zero if d is not listed.
func (w *world) status(d dest) (found batcher.Status) {
	w.t.Helper()
	for _, s := range w.statuses() {
		if s.Bucket == d.bucket && s.Prefix == d.prefix {
			return s
		}
	}
	return found
}

func TestDestinationsAreListedAsTheyAre(t *testing.T) {
	bubble(t, nil, func(w *world) {
		idle, active, retrying, blocked := dest{"d", ""}, dest{"c", "x/"}, dest{"a", "y/"}, dest{"a", "x/"}
		w.put(idle, numbered{lines: w.lines(1)})
		w.flush()
		began := time.Now()
		w.put(blocked, numbered{lines: w.lines(2)})
		w.refuse("a", denied)
		w.flush()
		w.put(blocked, numbered{lines: w.lines(3)})
		w.put(active, numbered{lines: w.lines(4)})
		w.refuse("a", slowDown)
		w.put(retrying, numbered{lines: w.lines(5)})
		ctx, cancel := context.WithTimeout(w.t.Context(), time.Second)
		defer cancel()
		if _, err := w.batcher.Flush(ctx, false, "default", retrying.bucket, retrying.prefix); err != nil {
			w.t.Fatal(err)
		}
		synctest.Wait()
		list := w.statuses()
		var got []string
		for _, s := range list {
			got = append(got, fmt.Sprintf("%s/%s %v %s %d events, %d bytes", s.Bucket, s.Prefix, s.State, s.Code, s.BacklogEvents, s.BacklogBytes))
		}
		line := uint64(len(w.sent[active][0]) + 1)
		want := []string{
			fmt.Sprintf("a/x/ blocked AccessDenied 5 events, %d bytes", 5*line),
			fmt.Sprintf("a/y/ retrying SlowDown 5 events, %d bytes", 5*line+2),
			fmt.Sprintf("c/x/ active  4 events, %d bytes", 4*line),
		}
		for i := range want { // the numbers in the lines have one digit or two
			want[i] = want[i][:strings.LastIndex(want[i], ",")]
		}
		for i := range got {
			got[i] = got[i][:strings.LastIndex(got[i], ",")]
		}
		if strings.Join(got, "\n") != strings.Join(want, "\n") {
			w.t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		bytes := 0
		for _, l := range w.sent[blocked] {
			bytes += len(l) + 1
		}
		if s := list[0]; s.BacklogBytes != uint64(bytes) || !s.Oldest.Equal(began) || s.Since.Before(began) || s.NextTry.IsZero() || s.OverQuota || s.ByHand {
			w.t.Errorf("blocked: %+v, want %d bytes, the oldest of %v", s, bytes, began)
		}
		if s := list[1]; s.Since.IsZero() || s.NextTry.IsZero() {
			w.t.Errorf("retrying: %+v", s)
		}
		if s := list[2]; !s.Since.IsZero() || !s.NextTry.IsZero() {
			w.t.Errorf("active: %+v", s)
		}
		w.refuse("a", nil)
		for w.batcher.Counts().Freed == 0 {
			pass(100 * time.Millisecond)
		}
		if s := w.status(blocked); s.State != batcher.StateCatchingUp || s.BacklogEvents != 5 {
			w.t.Errorf("catching up: %+v", s)
		}
		pass(time.Minute)
		if list := w.statuses(); len(list) != 0 {
			w.t.Errorf("everything is delivered, and the list has %+v", list)
		}
	})
}

// The counts are of what is not in S3, whatever has happened to it meanwhile.
func TestBacklogIsCountedExactly(t *testing.T) {
	bubble(t, littleMemory(time.Hour), func(w *world) {
		w.refuse(one.bucket, denied)
		first := w.lines(3)
		w.put(one, numbered{sender: 1, sequence: 1, lines: first})
		w.flush()
		for n := range uint64(20) {
			w.put(one, numbered{sender: 1, sequence: n + 2, lines: w.lines(7)})
			w.put(one, numbered{sender: 1, sequence: 1, lines: first})
			if n%6 == 0 {
				w.crash()
				pass(time.Second)
			}
			if s := w.status(one); s.BacklogEvents != uint64(len(w.sent[one])) || s.State != batcher.StateBlocked {
				w.t.Errorf("got %v with %d events, want %d", s.State, s.BacklogEvents, len(w.sent[one]))
			}
		}
		w.refuse(one.bucket, nil)
	})
}

func TestSharedIsListed(t *testing.T) {
	bubble(t, nil, func(w *world) {
		for _, s := range w.batcher.Shared() {
			if s.State != batcher.StateActive || !s.Since.IsZero() || s.Destinations != 0 {
				w.t.Errorf("got %+v", s)
			}
		}
		w.down(refusal("ExpiredToken", 400))
		w.put(one, numbered{lines: w.lines(1)})
		w.put(dest{"other", ""}, numbered{lines: w.lines(1)})
		w.flush()
		got := w.batcher.Shared()
		if got[0].Subject != "endpoint" || got[0].State != batcher.StateActive {
			w.t.Errorf("got %+v", got[0])
		}
		if s := got[1]; s.Subject != "credentials" || s.State != batcher.StateBlocked || s.Code != "ExpiredToken" || s.Destinations != 2 || s.Since.IsZero() {
			w.t.Errorf("got %+v", s)
		}
		if s := w.status(one); s.State != batcher.StateBlocked || s.Code != "ExpiredToken" || s.Since != got[1].Since {
			w.t.Errorf("got %+v", s)
		}
	})
}

func TestListsWhileABatcherStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, nil)
		if err := w.journal.Partition(1).Damage(errors.New("planted")); !isDamage(err) {
			t.Fatal(err)
		}
		bad, good := destIn(1, 2, "bad"), destIn(0, 2, "good")
		w.send(short, bad)
		w.send(short, good)
		if list := w.statuses(); len(list) != 1 || list[0].Bucket != "good" {
			t.Errorf("beside a damaged partition: %+v", list)
		}
		if closed := w.batcher.Closed(); len(closed) != 1 || closed[0].Partition != 1 || closed[0].Err.Error() != "planted" {
			t.Errorf("got %v, want the damaged partition", closed)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := w.batcher.Destinations(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		w.stop()
		if _, err := w.batcher.Destinations(t.Context()); !errors.Is(err, journal.ErrClosed) {
			t.Errorf("after the end: %v, want %v", err, journal.ErrClosed)
		}
	})
}

// What is kept of the duplicates of blocked destinations takes memory: past its part of
// that they are refused, few though the bytes are that they have.
func TestDuplicatesOfBlockedDestinationsAreBounded(t *testing.T) {
	bubble(t, littleMemory(time.Minute), func(w *world) {
		w.refuse(one.bucket, denied)
		w.boundDuplicates()
		if got := w.refused(dest{"works", ""}); got != "" {
			w.t.Errorf("the other is refused: %q", got)
		}
		w.refuse(one.bucket, nil)
		w.freeDuplicates()
	})
}

// So it is with those that wait for what all share.
func TestDuplicatesOfBlockedDestinationsThatWaitAreBounded(t *testing.T) {
	bubble(t, littleMemory(time.Minute), func(w *world) {
		w.down(refusal("ExpiredToken", 400))
		w.boundDuplicates()
		if got := w.refused(one); !strings.Contains(got, "credentials") || !strings.Contains(got, "ExpiredToken") {
			w.t.Errorf("refused for %q", got)
		}
		w.down(nil)
		w.freeDuplicates()
	})
}

// boundDuplicates sends duplicates to a destination that does not work until they are refused.
func (w *world) boundDuplicates() {
	w.t.Helper()
	w.put(one, numbered{id: "again", lines: w.lines(1)})
	w.flush()
	for n := 0; w.refused(one) == ""; n++ {
		if n > 200 {
			w.t.Fatal("never refused")
		}
		w.putWithDuplicates(one, 1000)
		pass(2 * time.Second)
	}
	if _, tables, _ := w.batcher.Memory(); tables < w.cfg.MemoryBytes/4 || tables > w.cfg.MemoryBytes/2 {
		w.t.Errorf("refused when tables take %d bytes", tables)
	}
	if got := w.status(one); got.BacklogBytes > uint64(w.cfg.DestinationQuota)/10 {
		w.t.Errorf("a backlog of %d bytes", got.BacklogBytes)
	}
}

// freeDuplicates fails the test if what works again is still refused.
func (w *world) freeDuplicates() {
	w.t.Helper()
	pass(2 * w.cfg.ProbeMax)
	if got := w.refused(one); got != "" {
		w.t.Errorf("it works again: %s", got)
	}
}

// putWithDuplicates appends so many new events, and behind each of them one that is not:
// its id is that of the first event of d.
func (w *world) putWithDuplicates(d dest, n int) {
	w.t.Helper()
	rec := &journalv1.Events{
		ReceivedUnixNanos: time.Now().UnixNano(),
		Destinations:      []*journalv1.Destination{{Tenant: w.tenant(d), Bucket: d.bucket, Prefix: d.prefix}},
	}
	for _, line := range w.lines(n) {
		rec.Events = append(rec.Events, &journalv1.Event{Payload: []byte(line)}, &journalv1.Event{Id: "again", Payload: []byte(w.sent[d][0])})
		w.sent[d] = append(w.sent[d], line)
		w.acked[line] = true
	}
	b, err := proto.Marshal(rec)
	if err == nil {
		_, err = w.journal.Partition(0).Events().Append(b).Wait(w.t.Context())
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) refused(d dest) string { return w.batcher.Refusal(w.tenant(d), d.bucket, d.prefix) }

// However long a key is, S3's reason at the end of an error is not lost, nor is what was
// tried on which bucket at its beginning.
func TestALongKeyLeavesRoomForTheReason(t *testing.T) {
	bubble(t, nil, func(w *world) {
		long := dest{"a", strings.Repeat("\u00e4", 440) + "/"}
		const reason = "no identity-based policy allows the s3:PutObject action"
		w.refuse(long.bucket, fmt.Errorf("PutObject s3://a/%s: %w, because %s", long.prefix, denied, reason))
		w.put(long, numbered{lines: w.lines(1)})
		w.flush()
		synctest.Wait()
		got := w.status(long)
		if got.Code != "AccessDenied" || !strings.HasPrefix(got.Message, "PutObject s3://a/") || !strings.HasSuffix(got.Message, reason) {
			w.t.Errorf("got %s: %s", got.Code, got.Message)
		}
		if n := len(got.Message); n > 500 || n < 490 || !utf8.ValidString(got.Message) {
			w.t.Errorf("the message has %d bytes: %q", n, got.Message)
		}
	})
}

// Past its quota a blocked destination is refused, one that works or waits for what all
// share never is.
func TestBlockedDestinationsHaveAQuota(t *testing.T) {
	bubble(t, func(w *world) {
		littleMemory(time.Minute)(w)
		w.cfg.DestinationQuota = 100 << 10
	}, func(w *world) {
		other := dest{"works", ""}
		w.refuse(one.bucket, denied)
		w.put(one, numbered{lines: w.kilobytes(90)})
		w.put(other, numbered{lines: w.kilobytes(200)})
		w.flush()
		pass(2 * time.Second)
		if got := w.refused(one); got != "" {
			w.t.Errorf("below its quota: %s", got)
		}
		w.put(one, numbered{lines: w.kilobytes(20)})
		pass(2 * time.Second)
		got := w.refused(one)
		if !strings.Contains(got, "AccessDenied") || !strings.Contains(got, "2000-01-01T00:00:0") || w.refused(other) != "" || !w.status(one).OverQuota {
			w.t.Errorf("over its quota: %q, the other %q", got, w.refused(other))
		}
		w.crash()
		pass(2 * time.Second)
		if again := w.refused(one); again != got {
			w.t.Errorf("after a restart: %q, want %q", again, got)
		}
		w.refuse(one.bucket, nil)
		pass(2 * w.cfg.ProbeMax)
		if got := w.refused(one); got != "" || w.status(one).OverQuota {
			w.t.Errorf("it works again: %s", got)
		}
		w.down(refusal("ExpiredToken", 400))
		w.put(one, numbered{lines: w.kilobytes(200)})
		w.flush()
		pass(2 * time.Second)
		if got := w.refused(one); got != "" {
			w.t.Errorf("it waits for the credentials: %s", got)
		}
		if n := testing.AllocsPerRun(100, func() { w.refused(one) }); n != 0 {
			w.t.Errorf("%v allocations while nothing is refused", n)
		}
		w.down(nil)
	})
}

// The journal's quota is used by more than half, and a blocked destination has not used
// up its own: the largest backlog is refused first.
func TestAFullJournalRefusesTheLargestBacklogsFirst(t *testing.T) {
	bubble(t, func(w *world) {
		littleMemory(time.Minute)(w)
		w.jcfg.SegmentBytes, w.jcfg.QuotaBytes = 64<<10, 64*64<<10
		w.cfg.DestinationQuota = 8 << 20
		w.cfg.GiveUpAfter = 0
	}, func(w *world) {
		small, large := dest{"a", "small/"}, dest{"b", "large/"}
		w.refuse("a", denied)
		w.refuse("b", denied)
		w.put(small, numbered{lines: w.kilobytes(1)})
		w.put(large, numbered{lines: w.kilobytes(1)})
		w.flush()
		used := func() float64 { return float64(w.journal.Used()) / float64(w.journal.Quota()) }
		for w.refused(large) == "" && used() < 0.9 {
			w.put(large, numbered{lines: w.kilobytes(20)})
			pass(1100 * time.Millisecond)
		}
		if used() < 0.4 || w.refused(large) == "" || w.refused(small) != "" {
			w.t.Errorf("at %.2f of the journal's quota: %q, and the small one %q", used(), w.refused(large), w.refused(small))
		}
		w.refuse("a", nil)
		w.refuse("b", nil)
	})
}
