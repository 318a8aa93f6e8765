package ownership_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/open-destinations/destinations/ownership"
	"github.com/open-destinations/destinations/uploader"
)

// The first event that is rejected has the challenge written; who can read it confirms the
// bucket, for every prefix, and nobody else does.
func TestWhoReadsTheChallengeConfirmsTheBucket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		k := w.start()
		p := place("acme:logs/a b/")
		reason := wantRefused(t, k, p, true)
		synctest.Wait()
		standing, err := k.Challenge(t.Context(), p)
		if err != nil || !standing.Needed || !standing.Confirmed.IsZero() || !strings.HasPrefix(standing.Key, "a b/_destinations-challenge-") {
			t.Fatalf("got %+v, %v", standing, err)
		}
		for _, want := range []string{`tenant "acme"`, "s3://logs/" + standing.Key, "(the object is being written)", "destinations confirm --bucket logs --prefix 'a b/'"} {
			if !strings.Contains(reason, want) {
				t.Errorf("got the reason %q, want %q in it", reason, want)
			}
		}
		if later := wantRefused(t, k, p, true); strings.Contains(later, "written") {
			t.Errorf("got %q of a challenge that is there", later)
		}
		content := w.s3.read("logs", standing.Key)
		if content == "" || strings.Contains(content, "acme") {
			t.Fatalf("got the content %q", content)
		}
		got, err := k.Confirm(t.Context(), p, "  "+content) // with its line end, and what a terminal adds
		if err != nil || got.Confirmed.IsZero() {
			t.Fatalf("got %+v, %v", got, err)
		}
		for place, refused := range map[ownership.Place]bool{
			p: false, place("acme:logs/"): false, place("acme:logs/other/"): false,
			place("beta:logs/a b/"): true, place("acme:other/a b/"): true,
		} {
			wantRefused(t, k, place, refused)
		}
		if strings.Contains(w.log.String(), strings.TrimSpace(content)) {
			t.Error("the content stands in the log")
		}
	})
}

// The content is of one tenant, bucket and prefix, under the secret of one data folder.
func TestOnlyTheChallengesOwnContentConfirms(t *testing.T) {
	w := newWorld(t)
	k := w.start()
	p := place("acme:logs/a/")
	contents := map[string]string{"nothing": "", "the key": "", "a guess": "destinations-challenge-1-" + strings.Repeat("0", 64)}
	for _, other := range []string{"beta:logs/a/", "acme:logs/", "acme:log/sa/", "acme:other/a/"} {
		standing, err := k.Challenge(t.Context(), place(other))
		if err != nil {
			t.Fatal(err)
		}
		contents[other] = w.s3.read(place(other).Bucket, standing.Key)
	}
	standing, err := k.Challenge(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	right := w.s3.read("logs", standing.Key)
	contents["the key"] = standing.Key
	contents["a part"] = right[:len(right)-2]
	contents["in capitals"] = strings.ToUpper(right)
	w.key = []byte("another data folder's, of 32 byt")
	elsewhere := w.start()
	foreign, err := elsewhere.Challenge(t.Context(), p)
	if err != nil || foreign.Key == standing.Key {
		t.Fatalf("got %+v, %v: want another key, so that the two can be in one bucket", foreign, err)
	}
	contents["another folder's"] = w.s3.read("logs", foreign.Key)
	for name, content := range contents {
		if _, err := k.Confirm(t.Context(), p, content); !errors.Is(err, ownership.ErrContentWrong) || content != "" && strings.Contains(err.Error(), strings.TrimSpace(content)) && name != "the key" {
			t.Errorf("%s: got %v", name, err)
		}
	}
	wantRefused(t, k, p, true)
	if _, err := k.Confirm(t.Context(), p, right); err != nil {
		t.Error(err)
	}
}

// What was confirmed outlives the process; a challenge is the same in the next one.
func TestConfirmedIsKept(t *testing.T) {
	w := newWorld(t)
	k := w.start()
	p, q := place("acme:logs/a/"), place("acme:more/a/")
	if err := w.confirm(k, p); err != nil {
		t.Fatal(err)
	}
	before, err := k.Challenge(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	k.Close()
	w.fs = w.fs.AfterCrash(0)
	k = w.start()
	wantRefused(t, k, p, false)
	wantRefused(t, k, q, true)
	again, err := k.Challenge(t.Context(), q)
	if err != nil || again != before {
		t.Errorf("got %+v, %v; want %+v, which was written before", again, err, before)
	}
	if _, err := k.Confirm(t.Context(), q, w.s3.read("more", before.Key)); err != nil {
		t.Error(err)
	}
	wantRefused(t, k, p, false)
	wantRefused(t, k, q, false)
}

// The grants decide at each event: switched off, nothing is asked; switched on again, what
// was confirmed meanwhile or before counts.
func TestTheGrantsDecide(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		k := w.start()
		p := place("acme:logs/a/")
		w.free("acme", true)
		wantRefused(t, k, p, false)
		synctest.Wait()
		if _, uploads := w.s3.count(); uploads != 0 {
			t.Errorf("%d challenges were written, for a tenant that has to confirm nothing", uploads)
		}
		if standing, err := k.Challenge(t.Context(), p); err != nil || standing.Needed {
			t.Errorf("got %+v, %v", standing, err)
		}
		w.free("acme", false)
		wantRefused(t, k, p, true)
		w.free("acme", true)
		if err := w.confirm(k, p); err != nil {
			t.Fatalf("before it is needed: %v", err)
		}
		w.free("acme", false)
		wantRefused(t, k, p, false)
		if len(k.Waiting()) != 0 {
			t.Errorf("got %+v of what is confirmed", k.Waiting())
		}
	})
}

// A challenge that can't be written is tried again by what is rejected later, after pauses,
// and is listed until it is there.
func TestChallengeThatCannotBeWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		k := w.start()
		p := place("acme:logs/a/")
		w.s3.refuse(&uploader.Error{Op: "PutObject", Code: "AccessDenied", Status: 403, Err: errors.New(strings.Repeat("long", 1000))})
		began := time.Now()
		for minute := range 130 {
			wantRefused(t, k, p, true)
			synctest.Wait()
			if minute == 0 {
				reason := wantRefused(t, k, p, true)
				if !strings.Contains(reason, "(the object could not be written: AccessDenied, since ") {
					t.Errorf("got %q", reason)
				}
			}
			<-time.After(time.Minute)
		}
		// After 0, 1, 3, 7, 15, 31 and 63 minutes, and an hour later.
		if _, uploads := w.s3.count(); uploads != 8 {
			t.Errorf("tried %d times", uploads)
		}
		listed := k.Waiting()
		if len(listed) != 1 || listed[0].Place != p || listed[0].Code != "AccessDenied" || !listed[0].Since.Equal(began) ||
			!listed[0].Next.Equal(began.Add(183*time.Minute)) || len(listed[0].Message) > 500 {
			t.Fatalf("got %+v", listed)
		}
		if _, err := k.Challenge(t.Context(), p); !uploader.Permanent(err) {
			t.Errorf("got %v, want S3's refusal", err)
		}
		w.s3.refuse(nil)
		if err := w.confirm(k, place("acme:logs/")); err != nil { // any prefix does
			t.Fatal(err)
		}
		wantRefused(t, k, p, false)
		if len(k.Waiting()) != 0 {
			t.Errorf("got %+v", k.Waiting())
		}
	})
}

// Buckets that hang hold up neither an event nor the challenges of other tenants, and a
// tenant has some objects written at most, whatever it sends.
func TestChallengesOfOneTenantAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		k := w.start()
		release := make(chan struct{})
		w.s3.fail = func(_ context.Context, o *uploader.Object) error {
			if o.Tenant == "hostile" {
				<-release
			}
			return nil
		}
		var asking sync.WaitGroup
		for i := range 4 { // callers have them written, too
			asking.Go(func() {
				if _, err := k.Challenge(t.Context(), place(fmt.Sprintf("hostile:asked-%d/", i))); err != nil && !errors.Is(err, ownership.ErrBusy) {
					t.Error(err)
				}
			})
		}
		send := func() (last string) {
			for i := range 1000 {
				last = wantRefused(t, k, place(fmt.Sprintf("hostile:logs/%d/", i)), true)
			}
			synctest.Wait()
			return last
		}
		begun := time.Now()
		if last := send(); !strings.Contains(last, "(the command without a content writes the object)") {
			t.Errorf("got %q of a place beyond the bound", last)
		}
		good := place("acme:logs/a/")
		wantRefused(t, k, good, true)
		synctest.Wait()
		if objects, uploads := w.s3.count(); objects != 1 || uploads != 5 || time.Since(begun) != 0 {
			t.Errorf("got %d objects, %d tries: want that of the other tenant, beside 2 of rejected events and 2 of callers", objects, uploads)
		}
		close(release)
		asking.Wait()
		for range 100 {
			send()
		}
		if objects, _ := w.s3.count(); objects != 16+1+2 {
			t.Errorf("got %d objects of a tenant that sends to 1,000 prefixes", objects-1)
		}
		if got := len(k.Waiting()); got != 16+1 {
			t.Errorf("%d places are listed", got)
		}
		<-time.After(time.Hour)
		if got := k.Waiting(); len(got) != 0 {
			t.Errorf("an hour later %d places are listed", len(got))
		}
		wantRefused(t, k, place("hostile:logs/999/"), true)
		synctest.Wait()
		if objects, _ := w.s3.count(); objects != 16+1+2+1 {
			t.Errorf("got %d objects: there is room for others after an hour", objects-1)
		}
	})
}

// A service that stops waits for no bucket.
func TestCloseCutsAChallengeShort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		k := w.start()
		w.s3.fail = func(ctx context.Context, _ *uploader.Object) error {
			<-ctx.Done()
			return ctx.Err()
		}
		wantRefused(t, k, place("acme:logs/a/"), true)
		synctest.Wait()
		begun := time.Now()
		k.Close()
		if took := time.Since(begun); took != 0 || strings.Contains(w.log.String(), "could not be written") {
			t.Errorf("took %v, and logged %s", took, w.log.String())
		}
	})
}

// An event of a bucket that is confirmed, or that nobody asks about, costs no memory.
func TestConfirmedBucketsCostNothing(t *testing.T) {
	w := newWorld(t)
	k := w.start()
	p := place("acme:logs/a/")
	if err := w.confirm(k, p); err != nil {
		t.Fatal(err)
	}
	w.free("free", true)
	if n := testing.AllocsPerRun(100, func() {
		if k.Unconfirmed("acme", "logs", "a/") != "" || k.Unconfirmed("free", "logs", "a/") != "" {
			t.Error("refused")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
