package main

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/protobuf/proto"

	journalv1 "github.com/open-destinations/destinations/gen/destinations/journal/v1"
	"github.com/open-destinations/destinations/journal"
)

// inspection is what is known of a partition: what the disk gives, and whether it
// fits together.
type inspection struct {
	folder *journal.Folder
	survey *journal.Survey
	states map[uint64]*journalv1.State // by events offset: those that can be read

	account  *account
	stateErr error // the State of the start is needed, and is damaged or missing
	fitErr   error // what verifies and is none that this version knows
	spools   []*spoolProblem
}

// spoolProblem is a parked batch whose file is not what it should be.
type spoolProblem struct {
	batch *sealed
	err   error
}

// inspect reads all of a partition.
func inspect(folder *journal.Folder, partition int) (*inspection, error) {
	s, err := folder.Survey(partition, nil)
	if err != nil {
		return nil, err
	}
	n := &inspection{folder: folder, survey: s, account: &account{}}
	n.readStates()
	if !s.Known {
		start, err := n.guessStart()
		if start == nil || err != nil {
			return n, err
		}
		if n.survey, err = folder.Survey(partition, start); err != nil {
			return nil, err
		}
	}
	if n.unmendable() != nil {
		return n, nil
	}
	if n.account, err = readAccount(folder, n.survey, n.state().GetIncarnation()); err != nil {
		return nil, err
	}
	n.checkState()
	n.checkSpools()
	return n, n.checkFit(newFits(n.account))
}

// unmendable says why nothing can be made of the partition; nil if something can.
func (n *inspection) unmendable() error {
	return errors.Join(n.survey.Events.Err, n.survey.Control.Err)
}

const stateFilePrefix = "state-"

// stateFile is the file of the State at an offset of the events log.
func stateFile(events uint64) string { return fmt.Sprintf("%s%020d", stateFilePrefix, events) }

// stateAt is the reverse of stateFile.
func stateAt(name string) (events uint64, ok bool) {
	at, err := strconv.ParseUint(strings.TrimPrefix(name, stateFilePrefix), 10, 64)
	return at, err == nil && name == stateFile(at)
}

func (n *inspection) readStates() {
	n.states = map[uint64]*journalv1.State{}
	for _, f := range n.survey.Files {
		at, ok := stateAt(f.Name)
		if !ok || f.Err != nil {
			continue
		}
		data, err := n.folder.ReadFile(n.survey.Partition, f.Name)
		if err != nil {
			continue // read a moment ago, and reported then if it was damaged
		}
		var state journalv1.State
		if proto.Unmarshal(data, &state) == nil && state.GetEventsOffset() == at {
			n.states[at] = &state
		}
	}
}

// state is the State at the start, or nil.
func (n *inspection) state() *journalv1.State {
	state := n.states[n.survey.Start.Events]
	if state.GetControlOffset() != n.survey.Start.Control {
		return nil
	}
	return state
}

// guessStart finds the start without the start file: the lowest place that there is a
// State of, since those below the start are removed. Its name tells the place even if
// it is damaged. Where it lies below what is left of the logs, segments are missing.
// Nil if there is no such place, or none that would have every segment behind it.
func (n *inspection) guessStart() (*journal.Start, error) {
	events, control := &n.survey.Events, &n.survey.Control
	if events.From == 0 && control.From == 0 {
		return &journal.Start{}, nil
	}
	snapshots, err := n.snapshots()
	if err != nil || len(snapshots) == 0 {
		return nil, err
	}
	at := slices.Min(slices.Collect(maps.Keys(snapshots)))
	if from := snapshots[at]; at < events.FirstEnd && from != nil {
		return &journal.Start{Events: at, Control: *from}, nil
	}
	return nil, nil
}

// snapshots are the places that replays can begin at: by their offset in the events
// log, that in the control log, or nil where it is not known any more.
func (n *inspection) snapshots() (map[uint64]*uint64, error) {
	decided, old := map[uint64]*uint64{}, map[uint64]*uint64{}
	for r, err := range n.folder.Records(n.survey.Partition, journal.ControlLog, 0) {
		if err != nil {
			return nil, err
		}
		var c journalv1.Control
		if r.Lost != nil || proto.Unmarshal(r.Data, &c) != nil {
			continue
		}
		for _, d := range c.GetDecisions() {
			switch s := d.GetSnapshot(); {
			case s == nil:
			case s.GetControlOffset() == 0:
				old[s.GetEventsOffset()] = &r.Offset
			default:
				decided[s.GetEventsOffset()] = proto.Uint64(s.GetControlOffset())
			}
		}
	}
	with := map[uint64]*uint64{}
	for _, f := range n.survey.Files {
		at, ok := stateAt(f.Name)
		if !ok {
			continue
		}
		if with[at] = decided[at]; n.states[at] != nil {
			with[at] = proto.Uint64(n.states[at].GetControlOffset())
		}
	}
	if len(with) == 0 {
		return old, nil
	}
	// Until all is delivered that an older version has left, the log starts at a Snapshot of
	// its; a replay from one that the log has got past finds everything decided.
	for at, from := range old {
		if _, newer := with[at]; !newer && at >= n.survey.Events.From {
			with[at] = from
		}
	}
	return with, nil
}

// checkState finds out whether the State of the start is there, if it is needed.
func (n *inspection) checkState() {
	start := n.survey.Start
	if start.Events == 0 || n.state() != nil || n.startsInOldFormat() {
		return
	}
	n.stateErr = fmt.Errorf("the log starts at %d, and %s, which says what was known there, is damaged or missing",
		start.Events, stateFile(start.Events))
}

// startsInOldFormat reports whether no State can be expected at the start, because an
// older version has made it. States that a newer one has made since lie above it.
func (n *inspection) startsInOldFormat() bool {
	if len(n.account.entries) == 0 {
		return false
	}
	first := n.account.entries[0]
	if first.lost != nil { // what is missing is the Snapshot itself
		return !slices.ContainsFunc(n.survey.Files, func(f journal.Found) bool { return strings.HasPrefix(f.Name, stateFilePrefix) })
	}
	for _, d := range first.control.GetDecisions() {
		if s := d.GetSnapshot(); s != nil && s.GetControlOffset() == 0 && s.GetEventsOffset() == n.survey.Start.Events {
			return true
		}
	}
	return false
}

// checkSpools compares the files of parked batches with what was decided of them.
func (n *inspection) checkSpools() {
	for _, p := range n.state().GetParked() {
		n.account.known(p.GetParked().GetSeal()).parked = p.GetParked()
	}
	for _, b := range append(n.account.batches, n.account.orphans...) {
		if b.delivered || b.parked == nil {
			continue
		}
		if err := n.checkSpool(b.parked); err != nil {
			n.spools = append(n.spools, &spoolProblem{batch: b, err: fmt.Errorf("parked batch %s (%v): file %s: %w",
				b.seal.GetKey(), b.target(), b.parked.GetFile(), err)})
		}
	}
}

func (n *inspection) checkSpool(p *journalv1.Parked) error {
	f, err := n.folder.OpenSpool(n.survey.Partition, p.GetFile())
	if errors.Is(err, fs.ErrNotExist) {
		return errors.New("it is missing")
	}
	if err != nil {
		return err
	}
	defer f.Close() // only read from: nothing to lose
	digest := sha256.New()
	size, err := io.Copy(digest, f)
	switch {
	case err != nil:
		return err
	case uint64(size) != p.GetSize():
		return fmt.Errorf("%d bytes, %d were parked", size, p.GetSize())
	case string(digest.Sum(nil)) != string(p.GetSha256()):
		return errors.New("its checksum is not that of what was parked")
	}
	return nil
}

// checkFit reads the events log, and compares it with what was decided.
func (n *inspection) checkFit(f *fits) error {
	err := f.read(n.folder, n.survey)
	n.fitErr = f.err
	for _, e := range n.account.entries {
		n.fitErr = errors.Join(n.fitErr, e.err)
	}
	return err
}

// problems are all that keeps a service from opening the partition, or from delivering
// what it holds.
func (n *inspection) problems() []error {
	problems := n.survey.Damage()
	add := func(err error) {
		if err != nil {
			problems = append(problems, err)
		}
	}
	add(n.stateErr)
	add(n.fitErr)
	if end := n.survey.Events.To; (eventAt{end, 0}).less(n.account.through) {
		add(fmt.Errorf("a seal decides the events below %d/%d, and the events log ends at %d", n.account.through.offset, n.account.through.index, end))
	}
	for _, b := range n.account.batches {
		add(b.fit())
	}
	for _, s := range n.spools {
		add(s.err)
	}
	return problems
}
