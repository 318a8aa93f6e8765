package main

import (
	"bytes"
	"compress/gzip"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"

	journalv1 "github.com/open-destinations/destinations/gen/destinations/journal/v1"
	"github.com/open-destinations/destinations/journal"
	"github.com/open-destinations/destinations/uploader"
)

// A hole is where records of the control log are lost. What was decided in it is found
// out again as far as it matters: who owned the partition behind it, which events
// belong to batches that are delivered or parked, and which events nobody speaks of any
// more although later decisions count them as decided.

// fillControl puts a record into each hole under which what follows counts again.
func (r *repairPlan) fillControl() error {
	epoch := r.state().GetIncarnation()
	for i, e := range r.account.entries {
		if e.lost != nil {
			e.control = r.ownerOf(i, epoch)
			e.changed = true
			r.say("LOST: what was decided in %s of the control log; batches that were sealed there and whose delivery was not noted are sealed anew, and may arrive twice",
				recordsText(e.offset, e.lost.To))
		}
		if i == 0 && epoch == nil || opens(e.control) {
			epoch = e.control.GetIncarnation()
		}
	}
	r.account.fold(r.state().GetIncarnation())
	r.spools = nil
	r.checkSpools()
	return nil
}

// ownerOf is the record for the hole that is entry i, behind which those of its writer
// count.
func (r *repairPlan) ownerOf(i int, epoch []byte) *journalv1.Control {
	c := &journalv1.Control{Incarnation: epoch}
	for _, next := range r.account.entries[i+1:] {
		if next.control == nil {
			continue
		}
		owner := next.control.GetIncarnation()
		if !bytes.Equal(owner, epoch) && !opens(next.control) {
			c.Incarnation = owner
			c.Decisions = append(c.Decisions, &journalv1.Decision{Kind: &journalv1.Decision_Opened{Opened: &journalv1.Opened{}}})
		}
		break
	}
	start := r.survey.Start
	if i == 0 && start.Events > 0 && r.state() == nil && r.stateErr == nil { // an older version's, which this must say
		c.Decisions = append(c.Decisions, &journalv1.Decision{Kind: &journalv1.Decision_Snapshot{
			Snapshot: &journalv1.Snapshot{EventsOffset: start.Events}}})
	}
	return c
}

// opens reports whether a record begins with its writer taking the partition over.
func opens(c *journalv1.Control) bool {
	d := c.GetDecisions()
	return len(d) > 0 && d[0].GetOpened() != nil
}

// givePlace puts Seals back into holes that later records repeat.
func (r *repairPlan) givePlace() error {
	start := eventAt{r.survey.Start.Events, 0}
	for _, b := range r.account.orphans {
		if start.less(atOf(b.seal.GetThrough())) {
			r.putSeal(b.seal)
		}
	}
	r.account.fold(r.state().GetIncarnation())
	r.spools = nil
	r.checkSpools()
	return nil
}

// putSeal puts a Seal into the last hole that no later Seal of its destination stands
// before; the Seals of a hole are in the order of their events.
func (r *repairPlan) putSeal(seal *journalv1.Seal) {
	var hole *entry
	for _, e := range r.account.entries {
		if e.lost != nil {
			hole = e
		}
		if hole != nil && e.lost == nil && sealsLater(e.control, seal) {
			break
		}
	}
	if hole == nil {
		return // no record is missing that could have held it
	}
	first := atOf(seal.GetFirst())
	at := slices.IndexFunc(hole.control.Decisions, func(d *journalv1.Decision) bool {
		return d.GetSeal() != nil && first.less(atOf(d.GetSeal().GetFirst()))
	})
	if at < 0 {
		at = len(hole.control.Decisions)
	}
	hole.control.Decisions = slices.Insert(hole.control.Decisions, at, &journalv1.Decision{Kind: &journalv1.Decision_Seal{Seal: seal}})
}

// sealsLater reports whether a record seals later events of the same destination.
func sealsLater(c *journalv1.Control, seal *journalv1.Seal) bool {
	to, first := targetOf(seal.GetDestination()), atOf(seal.GetFirst())
	return slices.ContainsFunc(c.GetDecisions(), func(d *journalv1.Decision) bool {
		return d.GetSeal() != nil && targetOf(d.GetSeal().GetDestination()) == to && first.less(atOf(d.GetSeal().GetFirst()))
	})
}

// gap is where events of a destination may stand that a lost Seal held, and that a
// later one counts as decided.
type gap struct {
	next  *sealed // the batch behind it
	found tally
}

// gaps has the events counted that lie between two Seals of a destination with a hole
// between them. Where no record is lost, what lies there are duplicates.
func (r *repairPlan) gaps(f *fits) (gaps []*gap) {
	index := map[*entry]int{}
	var holes []int
	for i, e := range r.account.entries {
		index[e] = i
		if e.lost != nil {
			holes = append(holes, i)
		}
	}
	if len(holes) == 0 {
		return nil
	}
	type end struct {
		through eventAt
		entry   int
	}
	ends := map[target]end{}
	for _, b := range r.account.batches {
		before, ok := ends[b.target()]
		if !ok {
			before = end{through: eventAt{r.survey.Start.Events, 0}, entry: 0}
		}
		here, first := index[b.entry], atOf(b.seal.GetFirst())
		between := slices.ContainsFunc(holes, func(h int) bool { return before.entry <= h && h <= here })
		if between && before.through.less(first) {
			g := &gap{next: b}
			f.add(b.target(), &stretch{first: before.through, last: justBefore(first), found: &g.found})
			gaps = append(gaps, g)
		}
		if through := atOf(b.seal.GetThrough()); before.through.less(through) {
			before.through = through
		}
		ends[b.target()] = end{before.through, here}
	}
	return gaps
}

// justBefore is a position below at, and not below any event that is.
func justBefore(at eventAt) eventAt {
	switch {
	case at.index > 0:
		return eventAt{at.offset, at.index - 1}
	case at.offset > 0:
		return eventAt{at.offset - 1, math.MaxUint32}
	}
	return at
}

// sealGaps seals what was found in gaps.
func (r *repairPlan) sealGaps(gaps []*gap) {
	for _, g := range gaps {
		if g.found.events == 0 {
			continue
		}
		next := g.next.seal
		seal := &journalv1.Seal{
			Destination: next.GetDestination(), First: g.found.first.proto(), Last: g.found.last.proto(),
			Through: eventAt{g.found.last.offset, g.found.last.index + 1}.proto(), Events: g.found.events, RawBytes: g.found.rawBytes,
			Level: next.GetLevel(), ClosedUnixNanos: next.GetClosedUnixNanos(), Reason: journalv1.SealReason_SEAL_REASON_FLUSH,
		}
		seal.Id = make([]byte, 16)
		rand.Read(seal.Id) // never fails
		to := g.next.target()
		seal.Key = uploader.Key(to.prefix, time.Unix(0, seal.GetClosedUnixNanos()), uploader.Identifier(uploader.KeyParams{
			JournalID: r.folder.ID(), Partition: uint32(r.survey.Partition),
			FirstOffset: g.found.first.offset, FirstIndex: g.found.first.index,
			Tenant: to.tenant, Bucket: to.bucket, Prefix: to.prefix, Nonce: [16]byte(seal.Id),
		}))
		r.putSeal(seal)
		r.say("%s (%v) that lost decisions were about are sealed anew as batch %s, and may arrive twice",
			counted(seal.GetEvents(), "event", "events"), to, seal.GetKey())
	}
}

// park says again of files that they hold a batch, where the record that said so is
// lost: the service removes files that no record speaks of, and nothing else may hold
// those events any more.
func (r *repairPlan) park() error {
	var hole *entry // the last one: every Seal that a file is of stands before its end
	for _, e := range r.account.entries {
		if e.lost != nil {
			hole = e
		}
	}
	if hole == nil {
		return nil
	}
	named := r.spoolsNamed()
	for _, f := range r.survey.Spools {
		if named[f.Name] || f.Err != nil {
			continue
		}
		b := r.batchOfSpool(f.Name)
		if b == nil {
			r.dropSpool(f)
			continue
		}
		parked, err := r.readSpool(f, b.seal)
		if err != nil {
			continue // half written, when its events were in the log
		}
		b.parked = parked
		hole.control.Decisions = append(hole.control.Decisions, &journalv1.Decision{Kind: &journalv1.Decision_Parked{Parked: parked}})
	}
	return nil
}

// spoolsNamed are the files that are known to hold a batch.
func (r *repairPlan) spoolsNamed() map[string]bool {
	named := map[string]bool{}
	for _, b := range r.account.byKey {
		if b.parked != nil {
			named[b.parked.GetFile()] = true
		}
	}
	return named
}

// batchOfSpool is the batch that a file is named after, if it still needs one.
func (r *repairPlan) batchOfSpool(name string) *sealed {
	for _, b := range r.account.batches {
		if b.needsEvents() && strings.TrimSuffix(name, ".gz") == hex.EncodeToString(b.seal.GetId()) {
			return b
		}
	}
	return nil
}

// readSpool holds a file against the Seal of its batch, and says what it is.
func (r *repairPlan) readSpool(found journal.Found, seal *journalv1.Seal) (*journalv1.Parked, error) {
	f, err := r.folder.OpenSpool(r.survey.Partition, found.Name)
	if err != nil {
		return nil, err
	}
	defer f.Close() // only read from: nothing to lose
	digest, raw := sha256.New(), sha256.New()
	lines, err := gzip.NewReader(io.TeeReader(f, digest))
	if err != nil {
		return nil, err
	}
	n, err := io.Copy(raw, lines)
	if err == nil && uint64(n) != seal.GetRawBytes() {
		err = fmt.Errorf("%d bytes of lines, %d were sealed", n, seal.GetRawBytes())
	}
	return &journalv1.Parked{Seal: seal, File: found.Name, Size: uint64(found.Size), Sha256: digest.Sum(nil), RawSha256: raw.Sum(nil),
		LastReceivedUnixNanos: seal.GetFirstReceivedUnixNanos()}, err
}

// dropSpool keeps a file apart that no record speaks of any more.
func (r *repairPlan) dropSpool(f journal.Found) {
	r.mending.RemoveSpools = append(r.mending.RemoveSpools, f.Name)
	r.say("LOST: parked file %s (%d bytes) is no longer known; if it holds lines that are not in S3, it has to be put there by hand", f.Name, f.Size)
}
