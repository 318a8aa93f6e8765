package batcher_test

import (
	"fmt"
	"slices"
	"strings"
)

// check holds what is in S3 against what was sent, and against what both logs say, when
// everything has healed and every process has ended.
func (r *foldRun) check() {
	r.t.Helper()
	r.checkCallers()
	keys := map[string]*sealed{} // by bucket and key
	for _, s := range r.services {
		for part, l := range s.logs {
			by := l.judge(r.plan.idWindow)
			seals := l.seals(by)
			s.checkDecisions(part, by, seals)
			for _, b := range seals {
				keys[b.GetDestination().GetBucket()+"/"+b.GetKey()] = b
			}
		}
	}
	r.checkObjects(keys)
}

// fail reports what is wrong, but not for pages.
func (r *foldRun) fail(format string, args ...any) {
	r.t.Helper()
	if r.failures++; r.failures <= 12 {
		r.t.Errorf(format, args...)
	}
}

// checkCallers is what the callers were promised, whatever the logs say: what was
// acknowledged is there once, the rest once or not at all, and nothing that nobody has
// sent.
func (r *foldRun) checkCallers() {
	r.t.Helper()
	type name struct {
		to dest
		id string
	}
	times, byID, acked := map[*event]int{}, map[name]int{}, map[name]bool{}
	for _, o := range r.all() {
		for _, line := range o.lines {
			e := r.byLine[line]
			if e == nil || e.to.bucket != o.bucket || !strings.HasPrefix(o.key, e.to.prefix) {
				r.fail("%s holds %.20q, which nobody has sent there", o.key, line)
				continue
			}
			times[e]++
		}
	}
	for _, e := range r.events {
		most := 1
		if e.copied && len(r.services) > 1 {
			most = 2
		}
		if e.id != "" {
			byID[name{e.to, e.id}] += times[e]
			acked[name{e.to, e.id}] = acked[name{e.to, e.id}] || e.acked
			continue
		}
		if e.acked && times[e] == 0 {
			r.fail("LOST: event %.7s of %v was acknowledged", e.line, e.to)
		}
		if times[e] > most && !r.plan.forgets {
			r.fail("DUPLICATED: event %.7s of %v is in %d objects or lines", e.line, e.to, times[e])
		}
	}
	for k, n := range byID {
		if acked[k] && n == 0 {
			r.fail("LOST: no event with the id %s of %v is in S3, and one was acknowledged", k.id, k.to)
		}
		if n > len(r.services) && !r.plan.forgets && r.plan.idWindow >= longWindow {
			r.fail("DUPLICATED: %d events with the id %s of %v are in S3", n, k.id, k.to)
		}
	}
}

// checkDecisions holds the batches that count in a partition against its events: those
// that are no duplicates are each a member of one, in their order.
func (s *service) checkDecisions(part int, by map[dest][]logged, seals []*sealed) {
	r := s.run
	r.t.Helper()
	batch, through := map[place]*sealed{}, map[dest]place{}
	for _, b := range seals {
		d := destOf(b.GetDestination())
		if placeOf(b.GetFirst()).compare(through[d]) < 0 || placeOf(b.GetLast()).compare(placeOf(b.GetThrough())) >= 0 {
			r.fail("%spartition %d: batch %s of %v holds %v to %v, decides up to %v, and what is below %v was decided before it",
				s.name, part, b.GetKey(), d, placeOf(b.GetFirst()), placeOf(b.GetLast()), placeOf(b.GetThrough()), through[d])
		}
		through[d] = placeOf(b.GetThrough())
		if uint64(len(b.members)) != b.GetEvents() {
			r.fail("%spartition %d: batch %s says %d events, its runs are %d", s.name, part, b.GetKey(), b.GetEvents(), len(b.members))
		}
		for _, m := range b.members {
			if before := batch[m.at]; before != nil {
				r.fail("%spartition %d: the event at %v (%.7s) is in %s and in %s", s.name, part, m.at, m.line, before.GetKey(), b.GetKey())
			}
			batch[m.at] = b
		}
	}
	decided := s.decidedByFlushes(part, seals)
	for d, events := range by {
		for _, e := range r.untaken(events, func(p place) bool { return batch[p] != nil }) {
			r.fail("%spartition %d: LOST: the event at %v (%.7s of %v) is in no batch", s.name, part, e.at, e.line, d)
		}
		for _, e := range events {
			b := batch[e.at]
			if b != nil && e.duplicate && !r.plan.forgets {
				r.fail("%spartition %d: DUPLICATED: the event at %v (%.7s of %v) was sent before, and is in batch %s", s.name, part, e.at, e.line, d, b.GetKey())
			}
			if b != nil && slices.ContainsFunc(decided[d], func(f decision) bool { return b.at >= f.control && e.at.offset < f.upTo }) {
				r.fail("%spartition %d: DUPLICATED: the event at %v (%.7s of %v) was decided by a Flush, and is in the later batch %s", s.name, part, e.at, e.line, d, b.GetKey())
			}
		}
	}
}

// decision is what a Flush of a destination has decided.
type decision struct {
	control uint64 // batches from here on may not hold it
	upTo    uint64 // offset in the events log
}

// decidedByFlushes returns up to where the Flushes that have sealed something of a
// destination have decided everything.
func (s *service) decidedByFlushes(part int, seals []*sealed) map[dest][]decision {
	decided := map[dest][]decision{}
	if !s.run.plan.forgets {
		return decided // elsewhere destinations may be blocked or catch up, and it does not seal those
	}
	for _, f := range s.floors {
		for _, b := range seals {
			if f.part == part && b.at >= uint64(f.from) && b.at < uint64(f.to) && b.GetReason().String() == "SEAL_REASON_FLUSH" {
				d := destOf(b.GetDestination())
				decided[d] = append(decided[d], decision{uint64(f.to), f.upTo})
			}
		}
	}
	return decided
}

// checkLeftovers is called a day after the last failure: of what the processes know that
// they may have left behind, nothing is left.
func (r *foldRun) checkLeftovers() {
	r.t.Helper()
	for _, s := range r.services {
		r.s3.change(func() {
			for name := range s.wire.left {
				if n := r.s3.faults.left[name]; n > 0 {
					r.fail("%s%d unfinished uploads of %s are left", s.name, n, name)
				}
			}
		})
	}
}

// all is every object: those in S3, and those that somebody has had destroyed.
func (r *foldRun) all() []object {
	found := r.s3.all()
	for name, o := range r.gone {
		if _, ok := r.s3.byName(name); !ok {
			found = append(found, o)
		}
	}
	return found
}

// isThere reports whether a batch has come to its end.
func (r *foldRun) isThere(name string) bool {
	_, ok := r.s3.byName(name)
	_, gone := r.gone[name]
	return ok || gone
}

// died are the ids of the batches that were dead once.
func (r *foldRun) died() map[string]bool {
	ids := map[string]bool{}
	for _, s := range r.services {
		for _, l := range s.logs {
			for _, rec := range l.mu.control {
				for _, d := range rec.GetDecisions() {
					if d.GetDead() != nil {
						ids[string(d.GetDead().GetId())] = true
					}
				}
			}
		}
	}
	return ids
}

// checkObjects holds the objects against the batches: each batch is one object, each
// object a batch that counts, and those of a destination came in their order.
func (r *foldRun) checkObjects(batches map[string]*sealed) {
	r.t.Helper()
	died := r.died()
	last := map[string]place{}
	for _, o := range r.all() {
		b := batches[o.bucket+"/"+o.key]
		if b == nil {
			r.fail("%s is in S3 and no Seal that counts says so", o.key)
			continue
		}
		if !slices.Equal(o.lines, b.lines()) {
			r.fail("%s holds %d lines, its Seal says other ones (%d)", o.key, len(o.lines), len(b.members))
		}
		at := fmt.Sprint(b.part, destOf(b.GetDestination()))
		if died[string(b.GetId())] {
			continue // the others did not wait for it
		}
		if first := placeOf(b.GetFirst()); len(r.services) == 1 && first.compare(last[at]) < 0 {
			r.fail("%s begins at %v and came behind one of its destination that begins at %v", o.key, first, last[at])
		}
		last[at] = placeOf(b.GetFirst())
	}
	for name := range batches {
		if !r.isThere(name) {
			r.fail("LOST: batch %s was sealed and is not in S3", name)
		}
	}
}
