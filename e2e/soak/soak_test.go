package main

import (
	"bytes"
	"context"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/open-destinations/destinations/e2e/harness"
	"github.com/open-destinations/destinations/e2e/traffic"
)

// bins are the programs under test. TestMain sets them before the first test.
var bins harness.Binaries

func TestMain(m *testing.M) {
	os.Exit(harness.RunTests(m, func(_ string, built harness.Binaries) { bins = built }))
}

// at is where a test's run happens. Its seed is new each time, and is logged.
func at(t *testing.T) (site, *bytes.Buffer) {
	var out bytes.Buffer
	return site{dir: t.TempDir(), bins: bins, seed: rand.Uint64(), say: t.Logf, out: &out}, &out
}

// TestShortOutage is `make outage`, but for the time that it lasts and the rate. What
// it needs of time and memory is not judged here.
func TestShortOutage(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	s, out := at(t)
	if err := outage(ctx, s, outageParams{lasting: 20 * time.Second, rate: 2, memory: "256MiB", window: 2 * time.Second, args: []string{"--block-after", "5s"}, countsOnly: true}); err != nil {
		t.Error(err)
	}
	t.Log(strings.TrimSpace(out.String()))
}

func TestKillsMustProveSomething(t *testing.T) {
	good := killsResult{kills: 20, replayed: 3, resent: 100, dropped: 10, blocked: 1, receipts: traffic.ReceiptsResult{Receipts: 7, Delivered: 7, Events: 900}, Result: traffic.Result{Acknowledged: 1000, Delivered: 1000}}
	if err := good.check(); err != nil {
		t.Error(err)
	}
	const line = "kills=20 acknowledged=1000 lost=0 duplicated=0 acked_per_kill=50 replayed_seals=3 resent=100 dropped_duplicates=10 receipts=7 receipts_delivered=7 events_in_their_objects=900 events_not_there=0"
	if good.String() != line {
		t.Errorf("got %q, want %q", good, line)
	}
	for name, change := range map[string]func(*killsResult){
		"kills":                   func(r *killsResult) { r.kills = 0 },
		"acknowledged":            func(r *killsResult) { r.Acknowledged = 0 },
		"lost":                    func(r *killsResult) { r.Lost = 1 },
		"duplicated":              func(r *killsResult) { r.Duplicated = 1 },
		"acked_per_kill":          func(r *killsResult) { r.Acknowledged = 19 },
		"replayed_seals":          func(r *killsResult) { r.replayed = 0 },
		"receipts":                func(r *killsResult) { r.receipts.Receipts, r.receipts.Delivered = 0, 0 },
		"not delivered":           func(r *killsResult) { r.receipts.Delivered-- },
		"events_in_their_objects": func(r *killsResult) { r.receipts.Events = 0 },
		"events_not_there":        func(r *killsResult) { r.receipts.Wrong = 1 },
		"resent":                  func(r *killsResult) { r.resent = 0 },
		"dropped_duplicates":      func(r *killsResult) { r.dropped = 0 },
		"blocked":                 func(r *killsResult) { r.blocked = 0 },
	} {
		bad := good
		change(&bad)
		if err := bad.check(); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: got %v, want it named", name, err)
		}
	}
}

func TestOutageIsJudged(t *testing.T) {
	p := outageParams{memory: "512MiB"}
	good := outageResult{
		Result: traffic.Result{Acknowledged: 10, Objects: 2}, acked: 2e7, silence: 9 * time.Second, freshAfter: time.Minute,
		usage: harness.Usage{PeakRSS: 640 << 20}, requests: 3, attempts: 4,
	}
	if err := good.check(p); err != nil {
		t.Error(err)
	}
	const line = "acknowledged=10 lost=0 duplicated=0 outage_acked_mb_s=20.0 longest_silence_s=9.0 rss_mib=640 fresh_after_s=60.0 objects=2 requests=3 attempts=4"
	if good.String() != line {
		t.Errorf("got %q, want %q", good, line)
	}
	for want, change := range map[string]func(*outageResult){
		"nothing was acknowledged": func(r *outageResult) { r.silence = 11 * time.Second },
		"late":                     func(r *outageResult) { r.freshAfter = 61 * time.Second },
		"641 MiB":                  func(r *outageResult) { r.usage.PeakRSS = 641 << 20 },
	} {
		bad := good
		change(&bad)
		if err := bad.check(p); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	if err := good.check(outageParams{memory: "1GiB"}); err == nil {
		t.Error("takes a --memory that it can't read")
	}
}
