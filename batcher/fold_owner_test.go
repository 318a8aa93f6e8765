package batcher_test

import (
	"context"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	journalv1 "github.com/open-destinations/destinations/gen/destinations/journal/v1"
	"github.com/open-destinations/destinations/uploader"
)

// owner is another process that owns a partition for a while, as it can be where the
// disk's lock does not keep it out. It folds the log by itself, in the plain way of
// [transcript.judge], and writes its decisions by hand.
type owner struct {
	of          *service
	part        int
	incarnation []byte
	batches     []*sealed
}

// takeOver lets another process own a partition: what it seals counts until the service
// takes the partition over again. The batcher that has it finds out and ends.
func (s *service) takeOver() {
	o := &owner{of: s, part: s.run.rand.IntN(s.jcfg.Partitions), incarnation: make([]byte, 16)}
	for i := range o.incarnation {
		o.incarnation[i] = byte(s.run.rand.IntN(256))
	}
	s.note("SOMEBODY TAKES PARTITION %d OVER", o.part)
	if !o.decide(&journalv1.Decision{Kind: &journalv1.Decision_Opened{Opened: &journalv1.Opened{}}}) {
		return // no room: nobody has taken it over
	}
	s.owners = append(s.owners, o)
	s.look()
	replaced := o.owns() && s.logs[o.part].owners()[s.opened[o.part]] != string(o.incarnation) // the batcher had it
	o.seal()
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(s.run.rand.IntN(3))*time.Second)
	defer cancel()
	if err := s.batcher.Close(ctx); err == nil && replaced {
		s.run.t.Errorf("%sthe batcher goes on although it was replaced in partition %d", s.name, o.part)
	}
	if s.run.rand.IntN(2) == 0 {
		o.deliver()
	}
	s.configure()
	s.disk.scarce.Store(0)
	s.startBatcher()
}

// owners are those who have taken the partition over, in order.
func (c *transcript) owners() (incarnations []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, rec := range c.mu.control {
		for _, d := range rec.GetDecisions() {
			if d.GetOpened() != nil {
				incarnations = append(incarnations, string(rec.GetIncarnation()))
			}
		}
	}
	return incarnations
}

// owns reports whether his decisions count.
func (o *owner) owns() bool {
	all := o.of.logs[o.part].owners()
	return all[len(all)-1] == string(o.incarnation)
}

// decide appends decisions to the control log.
func (o *owner) decide(decisions ...*journalv1.Decision) bool {
	rec, err := proto.Marshal(&journalv1.Control{Incarnation: o.incarnation, Decisions: decisions})
	if err != nil {
		o.of.run.t.Fatal(err)
	}
	_, err = o.of.journal.Partition(o.part).Control().Append(rec).Wait(context.Background())
	return err == nil
}

// plan makes the Seal of a batch of all that is undecided of a destination, or of the
// first of it.
func (o *owner) plan(d dest, events []logged, through place) *sealed {
	r := o.of.run.rand
	for len(events) > 0 && (events[0].duplicate || events[0].at.compare(through) < 0) {
		events = events[1:]
	}
	if n := len(events); n > 1 && r.IntN(3) == 0 {
		events = events[:1+r.IntN(n)]
	}
	for len(events) > 0 && events[len(events)-1].duplicate {
		events = events[:len(events)-1]
	}
	if len(events) == 0 {
		return nil
	}
	s := &sealed{Seal: &journalv1.Seal{Destination: d.proto(), Level: 1, ClosedUnixNanos: time.Now().UnixNano()}, part: o.part}
	for _, e := range events {
		switch {
		case !e.duplicate:
			s.members = append(s.members, e)
			s.RawBytes += uint64(len(e.line)) + 1
		default:
			s.Excluded = append(s.Excluded, &journalv1.Run{First: e.at.proto(), Last: e.at.proto()})
		}
	}
	first, last := s.members[0].at, s.members[len(s.members)-1].at
	s.First, s.Last, s.Events = first.proto(), last.proto(), uint64(len(s.members))
	s.Through = &journalv1.Position{Offset: last.offset, Index: last.index + 1}
	var nonce [16]byte
	for i := range nonce {
		nonce[i] = byte(r.IntN(256))
	}
	s.Id = nonce[:]
	s.Key = uploader.Key(d.prefix, time.Now(), uploader.Identifier(uploader.KeyParams{
		JournalID: o.of.journal.ID(), Partition: uint32(o.part), FirstOffset: first.offset, FirstIndex: first.index,
		Tenant: "default", Bucket: d.bucket, Prefix: d.prefix, Nonce: nonce,
	}))
	return s
}

// seal seals something of some destinations.
func (o *owner) seal() {
	log := o.of.logs[o.part]
	by := log.judge(o.of.run.plan.idWindow)
	through := map[dest]place{}
	for _, s := range log.seals(by) {
		through[destOf(s.GetDestination())] = placeOf(s.GetThrough())
	}
	var decisions []*journalv1.Decision
	var made []*sealed
	for _, d := range o.of.run.dests {
		if o.of.run.rand.IntN(3) == 0 {
			continue
		}
		if s := o.plan(d, by[d], through[d]); s != nil {
			made = append(made, s)
			decisions = append(decisions, &journalv1.Decision{Kind: &journalv1.Decision_Seal{Seal: s.Seal}})
			o.of.note("he seals %d events of %v from %v to %v", s.GetEvents(), d, placeOf(s.First), placeOf(s.Last))
		}
	}
	if len(decisions) > 0 && o.decide(decisions...) {
		o.batches = append(o.batches, made...)
	}
}

// deliver puts the batches of this owner into S3, those of each destination in order,
// and may say so.
func (o *owner) deliver() {
	r := o.of.run.rand
	for _, s := range o.batches {
		d := destOf(s.GetDestination())
		if r.IntN(3) == 0 || !o.isNext(s) {
			continue
		}
		o.of.run.s3.put(object{d.bucket, s.GetKey(), s.lines()})
		o.of.note("he delivers %s", s.GetKey())
		if r.IntN(2) == 0 {
			o.decide(&journalv1.Decision{Kind: &journalv1.Decision_Delivered{Delivered: &journalv1.Delivered{Seal: s.Seal}}})
		}
	}
}

// isNext reports whether everything before s is delivered.
func (o *owner) isNext(s *sealed) bool {
	log := o.of.logs[o.part]
	log.read()
	for _, before := range log.seals(log.judge(o.of.run.plan.idWindow)) {
		if before.GetKey() == s.GetKey() {
			return true
		}
		if destOf(before.GetDestination()) == destOf(s.GetDestination()) && !o.of.run.s3.has(before.Seal) {
			return false
		}
	}
	return false
}

// hauntLate lets an owner that was replaced append what it had decided before it knew.
// All of it is void, but what it has delivered is delivered.
func (s *service) hauntLate() {
	if len(s.owners) == 0 {
		return
	}
	o := s.owners[s.run.rand.IntN(len(s.owners))]
	s.note("WHO WAS REPLACED IN PARTITION %d GOES ON", o.part)
	s.look()
	before := len(o.batches)
	o.seal()
	void := o.batches[before:]
	o.batches = slices.Clone(o.batches[:before])
	if len(void) > 0 && !o.owns() {
		o.decideVoid(void[0])
	}
	o.deliver()
}

// decideVoid decides whatever else could do harm if it counted.
func (o *owner) decideVoid(s *sealed) {
	r, part, log := o.of.run.rand, o.of.journal.Partition(o.part), o.of.logs[o.part]
	victim := s
	if others := log.seals(log.judge(o.of.run.plan.idWindow)); len(others) > 0 {
		victim = others[len(others)-1-r.IntN(min(len(others), 4))]
	}
	seal := victim.Seal
	parked := &journalv1.Parked{Seal: seal, File: "nowhere.gz", Size: 1, Sha256: make([]byte, 32), RawSha256: make([]byte, 32)}
	dead := &journalv1.Dead{Id: seal.GetId(), Destination: seal.GetDestination()}
	discarded := &journalv1.Discarded{Id: seal.GetId(), Destination: seal.GetDestination(), Events: seal.GetEvents()}
	snapshot := &journalv1.Snapshot{EventsOffset: part.Events().Committed(), ControlOffset: part.Control().Committed()}
	log.decided(func(_ int, d *journalv1.Decision, _ bool) {
		if d.GetSnapshot() != nil { // the State of which is there, and says another place
			snapshot.EventsOffset = d.GetSnapshot().GetEventsOffset()
		}
	})
	blocked := &journalv1.Blocked{Destination: seal.GetDestination(), Code: "AccessDenied", ByHand: true}
	all := []*journalv1.Decision{
		{Kind: &journalv1.Decision_Snapshot{Snapshot: snapshot}},
		{Kind: &journalv1.Decision_Blocked{Blocked: blocked}},
		{Kind: &journalv1.Decision_Freed{Freed: &journalv1.Freed{Destination: seal.GetDestination()}}},
		{Kind: &journalv1.Decision_Parked{Parked: parked}},
		{Kind: &journalv1.Decision_Dead{Dead: dead}},
		{Kind: &journalv1.Decision_Discarded{Discarded: discarded}},
	}
	r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	o.decide(all[:1+r.IntN(len(all))]...)
}
