package ownership

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/open-destinations/destinations/uploader"
)

// How many challenges are written by themselves, and how often. What is beyond the bounds
// is written when somebody asks for it.
const (
	maxPlaces         = 4096        // of all tenants
	maxPlacesTenant   = 16          // each gets an object that stays
	maxUnderWayTenant = 2           // so that buckets that hang hold up nobody else's
	forgetAfter       = time.Hour   // since the last event that was rejected
	sweepEvery        = time.Second // not for each event that there is no room for
	firstPause        = time.Minute
	longestPause      = time.Hour
	maxMessage        = 500 // bytes of an error that are kept
)

// attempt is a challenge that was written, or is to be.
type attempt struct {
	Place
	asked    time.Time // when an event was rejected last
	underWay bool      // it waits for a writer, or has one
	written  bool
	failures int       // in a row
	since    time.Time // of the first of them
	next     time.Time // when it may be tried again
	code     string    // AWS's, of the last
	message  string    // what was said; "" = only the log has it
}

// attempts are the challenges that rejected events have asked for. Its methods may be called
// together.
type attempts struct {
	queue chan Place // of attempts that are under way, each once; has room for all

	mu struct {
		sync.Mutex
		all     map[Place]*attempt
		tenants map[string]share
		swept   time.Time // when those that are forgotten were looked for last
	}
}

// share is what a tenant has of the attempts.
type share struct{ places, underWay int }

func newAttempts() *attempts {
	a := &attempts{queue: make(chan Place, maxPlaces)}
	a.mu.all = map[Place]*attempt{}
	a.mu.tenants = map[string]share{}
	return a
}

// addLocked changes what a tenant has.
func (a *attempts) addLocked(tenant string, places, underWay int) {
	of := a.mu.tenants[tenant]
	of.places, of.underWay = of.places+places, of.underWay+underWay
	if a.mu.tenants[tenant] = of; of.places == 0 {
		delete(a.mu.tenants, tenant)
	}
}

// ask says how the challenge of a place stands that an event was rejected for, and has it
// written if it is time. known is false if it is not written by itself.
func (a *attempts) ask(p Place, now time.Time) (at attempt, known bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	found := a.findLocked(p, now)
	if found == nil {
		return attempt{}, false
	}
	found.asked = now
	due := !found.written && !found.underWay && !now.Before(found.next)
	if due && a.mu.tenants[p.Tenant].underWay < maxUnderWayTenant {
		found.underWay = true
		a.addLocked(p.Tenant, 0, 1)
		a.queue <- p // never waits: it has room for all, and each is in it once
	}
	return *found, true
}

// done says that an attempt is not under way any more.
func (a *attempts) done(p Place) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.mu.all[p].underWay = false
	a.addLocked(p.Tenant, 0, -1)
}

// findLocked returns the attempt of a place, which it makes if there is room; nil if there
// is none.
func (a *attempts) findLocked(p Place, now time.Time) *attempt {
	if found := a.mu.all[p]; found != nil {
		return found
	}
	full := func() bool { return len(a.mu.all) >= maxPlaces || a.mu.tenants[p.Tenant].places >= maxPlacesTenant }
	if full() && now.Sub(a.mu.swept) >= sweepEvery {
		a.mu.swept = now
		a.removeLocked(func(of *attempt) bool { return now.Sub(of.asked) >= forgetAfter })
	}
	if full() {
		return nil
	}
	made := &attempt{Place: p, asked: now}
	a.mu.all[p] = made
	a.addLocked(p.Tenant, 1, 0)
	return made
}

// removeLocked removes attempts that are not under way.
func (a *attempts) removeLocked(gone func(*attempt) bool) {
	for p, of := range a.mu.all {
		if !of.underWay && gone(of) {
			delete(a.mu.all, p)
			a.addLocked(p.Tenant, -1, 0)
		}
	}
}

// wrote notes what came of a challenge, whoever had it written.
func (a *attempts) wrote(p Place, err error, now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	of := a.findLocked(p, now)
	if of == nil {
		return
	}
	if err == nil {
		*of = attempt{Place: p, asked: of.asked, underWay: of.underWay, written: true}
		return
	}
	if of.failures == 0 {
		of.since = now
	}
	of.written, of.next = false, now.Add(min(firstPause<<min(of.failures, 10), longestPause))
	of.failures++
	of.code, of.message = codeOf(err), saidOf(err)
}

// drop forgets the attempts of a bucket that needs none any more.
func (a *attempts) drop(tenant, bucket string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.removeLocked(func(of *attempt) bool { return of.Tenant == tenant && of.Bucket == bucket })
}

// recent are the attempts of which an event was rejected lately, by bucket and prefix.
func (a *attempts) recent(now time.Time) []attempt {
	a.mu.Lock()
	defer a.mu.Unlock()
	var recent []attempt
	for _, of := range a.mu.all {
		if now.Sub(of.asked) < forgetAfter {
			recent = append(recent, *of)
		}
	}
	slices.SortFunc(recent, func(a, b attempt) int {
		return cmp.Or(cmp.Compare(a.Bucket, b.Bucket), cmp.Compare(a.Prefix, b.Prefix), cmp.Compare(a.Tenant, b.Tenant))
	})
	return recent
}

// codeOf is AWS's code of an error, or a short name of one without a code.
func codeOf(err error) string {
	if of, ok := errors.AsType[*uploader.Error](err); ok && of.Code != "" {
		return of.Code
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return "Timeout"
	}
	return "NoAnswer"
}

// saidOf is the text of an error as it is kept: S3 may say any number of words. Of
// credentials, which tenants may share, nothing is kept: the log has it.
func saidOf(err error) string {
	if uploader.Classify(err) == uploader.ClassCredentials {
		return ""
	}
	text := err.Error()
	return strings.ToValidUTF8(text[:min(len(text), maxMessage)], "\uFFFD")
}
