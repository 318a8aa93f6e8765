package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	journalv1 "github.com/open-destinations/destinations/gen/destinations/journal/v1"
	"github.com/open-destinations/destinations/journal"
)

// repairCmd mends a folder.
type repairCmd struct {
	folderFlags `embed:""`

	Yes bool `help:"Do it; without this, say what would be done and lost, and change nothing."`
}

// Run says for each damaged partition what is lost, and mends it. It changes nothing
// unless all of them can be mended.
func (c *repairCmd) Run(p *process) error {
	if err := checkOwner(c.DataDir); err != nil {
		return err
	}
	folder, err := journal.Claim(c.DataDir, nil)
	if err != nil {
		return err
	}
	defer folder.Close() // what was written is durable already
	plans, err := c.plan(p, folder)
	if err != nil {
		return err
	}
	switch {
	case len(plans) == 0:
		fmt.Fprintln(p.stdout, "nothing is damaged")
		return nil
	case !c.Yes:
		return errors.New("nothing was changed; --yes does what is said above")
	}
	dropped := "dropped-" + time.Now().UTC().Format("20060102T150405.000Z")
	for _, plan := range plans {
		if err := plan.mend(filepath.Join(c.DataDir, dropped), dropped); err != nil {
			return err
		}
	}
	fmt.Fprintf(p.stdout, "repaired; what was changed or removed is kept as it was in %s\n", filepath.Join(c.DataDir, dropped))
	return nil
}

// plan works out what is to be done, and prints it.
func (c *repairCmd) plan(p *process, folder *journal.Folder) (plans []*repairPlan, err error) {
	var refused error
	for i := range folder.Partitions() {
		found, err := inspect(folder, i)
		if err != nil {
			refused = errors.Join(refused, fmt.Errorf("partition %d cannot be repaired: %w", i, unreadable(err)))
			continue
		}
		if len(found.problems()) == 0 {
			continue
		}
		fmt.Fprintf(p.stdout, "partition %d:\n", i)
		for _, problem := range found.problems() {
			fmt.Fprintln(p.stdout, indented("damaged: "+oneLine(problem)))
		}
		plan := &repairPlan{inspection: found}
		if err := plan.make(); err != nil {
			refused = errors.Join(refused, fmt.Errorf("partition %d cannot be repaired: %w", i, err))
			continue
		}
		for _, line := range plan.says {
			fmt.Fprintln(p.stdout, indented(line))
		}
		plans = append(plans, plan)
	}
	return plans, refused
}

// repairPlan is what is to be done with a partition.
type repairPlan struct {
	*inspection
	mending journal.Mending
	says    []string // what is lost, and what becomes of the rest
	remains []dumpedRecord
}

func (r *repairPlan) say(format string, args ...any) {
	r.says = append(r.says, fmt.Sprintf(format, args...))
}

// make works the plan out. Nothing is given up without saying so.
func (r *repairPlan) make() error {
	if err := r.unmendable(); err != nil {
		what := "nothing is left to go on from; put a copy of the partition's folder in its place"
		if r.survey.Events.Err == nil {
			what += fmt.Sprintf(` (what was accepted can be read: "destinations journal dump --data-dir %s --partition %d --payloads" prints it)`,
				r.folder.Dir(), r.survey.Partition)
		}
		return fmt.Errorf("%s: %w", what, err)
	}
	if !r.survey.Known {
		return errors.New("the start file is damaged, and no place to begin at is left; put a copy of the partition's folder in its place")
	}
	if r.fitErr != nil {
		return fmt.Errorf("it holds what this version does not know: use the newest version that has served the folder: %w", r.fitErr)
	}
	if r.survey.StartErr != nil {
		r.say("the start file is made anew: replays begin at %d and %d, the lowest place that is left; if there were segments before that, what stood in them is lost",
			r.survey.Start.Events, r.survey.Start.Control)
	}
	r.mending.Write = map[string][]byte{}
	for _, step := range []func() error{r.fillControl, r.renewState, r.dropFiles, r.givePlace, r.park, r.settleSpools, r.fitBatches, r.extendEvents, r.tellLost, r.writeControl} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// dropFiles removes what is damaged and not needed.
func (r *repairPlan) dropFiles() error {
	for _, f := range r.survey.Files {
		if f.Err == nil || r.mending.Write[f.Name] != nil {
			continue
		}
		switch {
		case strings.HasPrefix(f.Name, stateFilePrefix):
			r.say("%s is removed: the log does not start there", f.Name)
		case f.Name == "crash":
			r.say("%s is removed: at a place where the service has crashed it tries again", f.Name)
		case strings.HasSuffix(f.Name, ".json"):
			r.say("%s is removed: it was for people to read", f.Name)
		default:
			return fmt.Errorf("this version does not know what %s is for: if no newer version has made it, move it out of the partition's folder and run this again: %w", f.Name, f.Err)
		}
		r.mending.Remove = append(r.mending.Remove, f.Name)
	}
	return nil
}

// renewState makes a State for the start out of what else is known, if that of the
// start cannot be read.
func (r *repairPlan) renewState() error {
	if r.stateErr == nil {
		return nil
	}
	start := r.survey.Start
	state := &journalv1.State{EventsOffset: start.Events, ControlOffset: start.Control}
	r.say("%s is made anew: who has sent what before the start is forgotten, so what is sent again may arrive twice", stateFile(start.Events))
	if later := r.laterState(); later != nil {
		state.WrittenBuckets, state.Leftovers = later.GetWrittenBuckets(), later.GetLeftovers()
		for _, p := range later.GetParked() {
			if b := r.account.byKey[p.GetParked().GetSeal().GetKey()]; b == nil || b.parked == nil {
				state.Parked = append(state.Parked, p) // before the start, since no record since then says so
			}
		}
	} else {
		r.dropUnknownSpools()
	}
	r.putState(state)
	r.spools = nil
	r.checkSpools()
	return nil
}

// laterState is the next State behind the start that can be read.
func (r *repairPlan) laterState() (later *journalv1.State) {
	for at, state := range r.states {
		if at > r.survey.Start.Events && (later == nil || at < later.GetEventsOffset()) {
			later = state
		}
	}
	return later
}

// dropUnknownSpools keeps files apart that no record speaks of any more. They may hold
// events that nobody delivers now.
func (r *repairPlan) dropUnknownSpools() {
	named := r.spoolsNamed()
	for _, f := range r.survey.Spools {
		if !named[f.Name] && r.batchOfSpool(f.Name) == nil {
			r.dropSpool(f)
		}
	}
}

func (r *repairPlan) putState(state *journalv1.State) {
	data, err := proto.Marshal(state)
	if err != nil {
		panic("invariant: what was unmarshalled can be marshalled: " + err.Error())
	}
	r.states[r.survey.Start.Events] = state
	r.mending.Write[stateFile(r.survey.Start.Events)] = data
}

// drop takes decisions out of a record.
func (e *entry) drop(which func(*journalv1.Decision) bool) {
	n := len(e.control.GetDecisions())
	if n == 0 {
		return
	}
	e.control.Decisions = slices.DeleteFunc(e.control.Decisions, which)
	e.changed = e.changed || len(e.control.Decisions) != n
}

// fitBatches reads the events, and cuts what was sealed down to what is there: under its
// own key, so that whatever of it is in S3 already is not put there a second time.
func (r *repairPlan) fitBatches() error {
	f := newFits(r.account)
	gaps := r.gaps(f)
	if err := r.checkFit(f); err != nil {
		return err
	}
	for _, b := range r.account.batches {
		if b.fit() == nil {
			continue
		}
		missing := b.seal.GetEvents() - min(b.found.events, b.seal.GetEvents())
		r.say("LOST: %s of batch %s (%v); the other %d are delivered", counted(missing, "event", "events"),
			b.seal.GetKey(), b.target(), b.found.events)
		b.entry.changed = true
		if b.found.events == 0 {
			b.entry.drop(func(d *journalv1.Decision) bool { return d.GetSeal() == b.seal })
			continue
		}
		b.seal.First, b.seal.Last = b.found.first.proto(), b.found.last.proto()
		b.seal.Events, b.seal.RawBytes = b.found.events, b.found.rawBytes
	}
	r.sealGaps(gaps)
	return nil
}

// extendEvents gives positions that were decided on, and have no records any more, to
// empty ones: they must not become those of other events.
func (r *repairPlan) extendEvents() error {
	through := r.account.through
	if through.index > 0 {
		through.offset++
	}
	if r.survey.Events.To < through.offset {
		r.mending.Events.UpTo = through.offset
		r.say("LOST: %s of the events log, which ends before", recordsText(r.survey.Events.To, through.offset))
	}
	return nil
}

// tellLost says which events are lost with the records that are, as far as they can
// still be made out.
func (r *repairPlan) tellLost() error {
	for _, lost := range r.survey.Events.Lost {
		if lost.To <= max(lost.From, r.survey.Start.Events) {
			continue
		}
		r.say("LOST: %s of the events log, and the events in %s", recordsText(lost.From, lost.To), them(lost.To-lost.From))
		counts := map[target]uint64{}
		for _, rec := range r.folder.Remains(lost) {
			line := dumpedRecord{Partition: r.survey.Partition, Log: journal.EventsLog.String(), Offset: rec.Offset, Unverified: true}
			d := &dumper{payloads: true}
			if d.events(&line, rec.Data); line.Error != "" {
				continue
			}
			for _, e := range line.Events {
				counts[target{e.Tenant, e.Bucket, e.Prefix}]++
			}
			r.remains = append(r.remains, line)
		}
		names := make([]string, 0, len(counts))
		for t, n := range counts {
			names = append(names, fmt.Sprintf("  what is left of them looks like %s for %v", counted(n, "event", "events"), t))
		}
		slices.Sort(names)
		r.says = append(r.says, names...)
	}
	return nil
}

// recordsText names the records from one offset up to another.
func recordsText(from, to uint64) string {
	if from+1 == to {
		return fmt.Sprintf("record %d", from)
	}
	return fmt.Sprintf("records %d to %d", from, to-1)
}

// them is what n records are called the second time.
func them(n uint64) string {
	if n == 1 {
		return "it"
	}
	return "them"
}

// writeControl puts the records of the control log that were changed into the mending.
func (r *repairPlan) writeControl() error {
	r.mending.Control.Records = map[uint64][]byte{}
	for _, e := range r.account.entries {
		if !e.changed {
			continue
		}
		data, err := proto.Marshal(e.control)
		if err != nil {
			return err
		}
		r.mending.Control.Records[e.offset] = data
	}
	return nil
}

// mend does what was planned, and reads everything once more.
func (r *repairPlan) mend(folder, dropped string) error {
	if err := r.keepRemains(folder); err != nil {
		return err
	}
	r.mending.Dropped = dropped
	if err := r.folder.Mend(r.survey, r.mending); err != nil {
		return err
	}
	again, err := inspect(r.folder, r.survey.Partition)
	if err != nil {
		return err
	}
	if problems := again.problems(); len(problems) > 0 {
		return fmt.Errorf("partition %d is still damaged; run this again: %w", r.survey.Partition, errors.Join(problems...))
	}
	return nil
}

// keepRemains writes down what is left of lost events, payloads included, for people.
func (r *repairPlan) keepRemains(folder string) error {
	if len(r.remains) == 0 {
		return nil
	}
	if err := journal.OS().MkdirAll(folder); err != nil {
		return err
	}
	name := filepath.Join(folder, fmt.Sprintf("partition-%04d-events.jsonl", r.survey.Partition))
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	err = f.Chmod(0o600) // a umask may have left less
	d := &dumper{out: f}
	for i := range r.remains {
		err = errors.Join(err, d.line(&r.remains[i]))
	}
	return errors.Join(err, f.Sync(), f.Close())
}
