package batcher

import (
	"errors"
	"fmt"
	"io/fs"
	"runtime/debug"
	"time"

	"google.golang.org/protobuf/proto"

	journalv1 "github.com/open-destinations/destinations/gen/destinations/journal/v1"
)

const (
	// crashFile is the name of the file that says where the shard has ended the process.
	crashFile = "crash"
	// crashesInARow is how many times the process may end at one place before that is
	// passed by.
	crashesInARow = 2
	// crashNoteWait is how long the end of the process waits for that file: what has
	// crashed may hold what writing it needs.
	crashNoteWait = 5 * time.Second
)

// handling is what a shard has in hand, for the case that it crashes over it.
type handling int

const (
	handlingNothing      handling = iota
	handlingControl               // a record of the control log: the reader's last
	handlingRecord                // a record of the events log, as a whole
	handlingEvent                 // an event of it
	handlingMissedRecord          // the same two, of the pass
	handlingMissed                // an event that it reads
)

// crashes is what a shard knows of its crashes.
type crashes struct {
	handling  handling
	controlAt uint64           // offset of the control record in hand
	last      *journalv1.Crash // as it stands in the file; nil = none, or another build's
	suspect   *position        // the event that is to be set aside, if it is no duplicate; nil = none
}

// noteCrash is deferred: it makes durable where a panic has come from before that ends
// the process. It is not told of what ends the process otherwise: a signal, want of memory, a
// fatal error of the runtime; none of these is the doing of one event.
func (s *shard) noteCrash() {
	cause := recover()
	if cause == nil {
		return
	}
	if c := s.crashedAt(cause); c != nil {
		s.writeCrash(c)
	}
	panic(cause)
}

// crashedAt is where the shard has crashed; nil if it had nothing of the logs in hand.
func (s *shard) crashedAt(cause any) *journalv1.Crash {
	c := &journalv1.Crash{
		Times: 1, Cause: shorten(fmt.Sprint(cause)), Build: build(), CrashedUnixNanos: time.Now().UnixNano(),
	}
	switch s.crashes.handling {
	case handlingControl:
		c.At, c.WholeRecord, c.ControlLog = position{s.crashes.controlAt, 0}.proto(), true, true
	case handlingRecord:
		c.At, c.WholeRecord = position{s.offset, 0}.proto(), true
	case handlingEvent:
		c.At = position{s.offset, s.at}.proto()
	case handlingMissedRecord:
		c.At, c.WholeRecord = position{s.pass.offset, 0}.proto(), true
	case handlingMissed:
		c.At = position{s.pass.offset, s.pass.at}.proto()
	default:
		return nil
	}
	last := s.crashes.last
	if last != nil && proto.Equal(last.GetAt(), c.GetAt()) && last.GetWholeRecord() == c.GetWholeRecord() && last.GetControlLog() == c.GetControlLog() {
		c.Times = last.GetTimes() + 1
	}
	return c
}

// writeCrash makes c durable, if that is possible.
func (s *shard) writeCrash(c *journalv1.Crash) {
	data, err := proto.Marshal(c)
	if err == nil {
		written := make(chan error, 1)
		go func() { written <- s.part.WriteFile(crashFile, data) }() // the process ends, whether it does or not
		select {
		case err = <-written:
		case <-time.After(crashNoteWait):
			err = errors.New("it takes too long")
		}
	}
	s.log.Error("a shard has crashed; the process ends", "partition", s.id, "place", placeOf(c), "times", c.GetTimes(), "cause", c.GetCause(), "noted", err == nil, "error", err)
}

// placeOf names the place of a crash for people.
func placeOf(c *journalv1.Crash) string {
	switch at := positionOf(c.GetAt()); {
	case c.GetControlLog():
		return fmt.Sprintf("record %d of the control log", at.offset)
	case c.GetWholeRecord():
		return fmt.Sprintf("record %d of the events log", at.offset)
	default:
		return fmt.Sprintf("event %v", at)
	}
}

// loadCrash reads where the process has ended by a panic, before anything is read that it may
// have been. What this program has failed at too often it does not touch again: an event is
// set aside when the fold comes to it, and for anything else the partition is closed.
func (s *shard) loadCrash() error {
	data, err := s.part.ReadFile(crashFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read %s: %w", crashFile, err)
	}
	c := &journalv1.Crash{}
	if err := proto.Unmarshal(data, c); err != nil {
		return s.part.Damage(fmt.Errorf("%s: %w", crashFile, err))
	}
	at := positionOf(c.GetAt())
	if c.GetBuild() != build() || !c.GetControlLog() && at.offset < s.part.Start().Events {
		return nil // it may do better, or need not
	}
	s.crashes.last = c
	switch {
	case c.GetTimes() < crashesInARow:
	case c.GetWholeRecord() || c.GetTimes() > crashesInARow:
		return s.part.Damage(s.hopeless(c))
	default:
		s.crashes.suspect = &at
	}
	return nil
}

// hopeless says why a partition is closed for a place that this program can't pass.
func (s *shard) hopeless(c *journalv1.Crash) error {
	return fmt.Errorf("%s has ended the process %d times in a row (%s): another version may be able to read it, and this one tries again when the file %s is removed",
		placeOf(c), c.GetTimes(), c.GetCause(), crashFile)
}

// tendCrash forgets a crash that lies behind: nothing up to there is needed any more, or
// it was set aside.
func (s *shard) tendCrash(low position) {
	c := s.crashes.last
	if c == nil || s.crashes.suspect != nil {
		return
	}
	at := positionOf(c.GetAt())
	if c.GetControlLog() && s.control.Offset() <= at.offset || !c.GetControlLog() && !at.less(low) {
		return
	}
	s.crashes.last = nil
	part, log := s.part, s.log
	s.filePool.submit(func(struct{}) {
		if err := part.RemoveFile(crashFile); err != nil {
			log.Warn("the note of a crash stays until the next start", "partition", s.id, "file", crashFile, "error", err)
		}
	})
}

// build tells one program from another.
func build() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	name := info.Main.Version
	for _, setting := range info.Settings {
		if setting.Key == "vcs.revision" || setting.Key == "vcs.modified" {
			name += " " + setting.Value
		}
	}
	return name
}
