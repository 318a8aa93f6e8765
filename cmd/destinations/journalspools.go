package main

import (
	"bytes"
	"slices"

	journalv1 "github.com/open-destinations/destinations/gen/destinations/journal/v1"
)

// settleSpools lets batches whose files are damaged be delivered from the log, if
// their events are still there.
func (r *repairPlan) settleSpools() error {
	for _, s := range r.spools {
		b := s.batch
		inLog := b.entry != nil && !atOf(b.seal.GetFirst()).less(eventAt{r.survey.Start.Events, 0})
		r.unpark(b, inLog)
		file := b.parked.GetFile()
		r.mending.RemoveSpools = append(r.mending.RemoveSpools, file)
		b.parked = nil
		if inLog {
			r.say("batch %s (%v) is delivered from the log instead of file %s", b.seal.GetKey(), b.target(), file)
			continue
		}
		b.delivered = true
		if r.takenAgain(b) {
			r.say("the event of batch %s (%v), which was set aside into file %s, is taken from the log again", b.seal.GetKey(), b.target(), file)
			continue
		}
		r.say("LOST: %s of batch %s (%v), whose file is damaged", counted(b.seal.GetEvents(), "event", "events"), b.seal.GetKey(), b.target())
	}
	return nil
}

// takenAgain reports whether a batch is an event that was set aside, and that a service will
// find in the log as if it were new: no Seal has passed it by.
func (r *repairPlan) takenAgain(b *sealed) bool {
	at := atOf(b.seal.GetFirst())
	if b.seal.GetReason() != journalv1.SealReason_SEAL_REASON_CRASH || at.less(eventAt{r.survey.Start.Events, 0}) {
		return false
	}
	passed := func(o *sealed) bool { return o.target() == b.target() && at.less(atOf(o.seal.GetThrough())) }
	if slices.ContainsFunc(r.account.batches, passed) {
		return false
	}
	if state := r.state(); len(state.GetSetAside()) > 0 {
		state.SetAside = slices.DeleteFunc(state.SetAside, func(p *journalv1.Position) bool { return atOf(p) == at })
		r.putState(state)
	}
	return true
}

// unpark takes back that a batch is parked, or all that was decided of it.
func (r *repairPlan) unpark(b *sealed, keepSeal bool) {
	id := b.seal.GetId()
	for _, e := range r.account.entries {
		e.drop(func(d *journalv1.Decision) bool {
			return bytes.Equal(d.GetParked().GetSeal().GetId(), id) && d.GetParked() != nil ||
				d.GetSetAside() != nil && bytes.Equal(d.GetSetAside().GetParked().GetSeal().GetId(), id) ||
				d.GetDead() != nil && bytes.Equal(d.GetDead().GetId(), id) ||
				d.GetRedriven() != nil && bytes.Equal(d.GetRedriven().GetId(), id) ||
				!keepSeal && d.GetSeal() != nil && bytes.Equal(d.GetSeal().GetId(), id)
		})
	}
	state := r.state()
	n := len(state.GetParked())
	if n == 0 {
		return
	}
	state.Parked = slices.DeleteFunc(state.Parked, func(p *journalv1.ParkedState) bool {
		return bytes.Equal(p.GetParked().GetSeal().GetId(), id)
	})
	if len(state.Parked) != n {
		r.putState(state)
	}
}
