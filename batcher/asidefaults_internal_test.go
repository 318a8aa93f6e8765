package batcher

import (
	"fmt"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/open-destinations/destinations/journal/journaltest"
)

// Whatever the power does while an event is set aside, it is in the end in one place.
func TestPowerFailsWhileAnEventIsSetAside(t *testing.T) {
	seeds := uint64(3)
	if testing.Short() {
		seeds = 1
	}
	for seed := range seeds {
		for stop := 0; ; stop++ {
			more := false
			synctest.Test(t, func(t *testing.T) {
				c := newCrasher(t, poisons["in a batch"])
				c.start()
				c.sendPoison("")
				c.crash()
				c.crash()
				before := c.disk.Ops()
				c.disk.StopAt(before + stop)
				c.runs(8 * time.Second)
				more = c.disk.Stopped()
				c.end(c.disk.AfterCrash(seed))
				c.live()
				c.takeBack()
				c.expectOnce("large     ", "sound-1   ", "sound-2   ", "sound-3   ", "poison    ")
				c.end(c.disk)
			})
			if !more || t.Failed() {
				break
			}
		}
	}
}

// Whichever operation of the disk fails while an event is set aside, it is in the end in one
// place: when the process is started again, also after the power has failed. One that was only
// full need not be, unless that came out of a sync.
func TestEveryOperationFailsWhileAnEventIsSetAside(t *testing.T) {
	after := map[string]func(*journaltest.FS) *journaltest.FS{
		"the process ends": (*journaltest.FS).AfterRestart,
		"the power fails":  func(fs *journaltest.FS) *journaltest.FS { return fs.AfterCrash(1) },
	}
	for how, next := range after {
		for _, fault := range []error{syscall.EIO, syscall.ENOSPC} {
			t.Run(fmt.Sprint(fault, ", then ", how), func(t *testing.T) {
				failed := 0
				for more := true; more && !t.Failed(); failed++ {
					synctest.Test(t, func(t *testing.T) { more = operationFails(t, failed, fault, next) })
				}
				if failed < 10 {
					t.Errorf("%d operations have failed: the test shows nothing", failed)
				}
			})
		}
	}
}

// operationFails lets operation i of the disk fail from when the event is to be set aside
// on, and reports whether there was one.
func operationFails(t *testing.T, i int, fault error, next func(*journaltest.FS) *journaltest.FS) bool {
	c := newCrasher(t, poisons["in a batch"])
	c.start()
	c.sendPoison("")
	c.crash()
	c.crash()
	var met atomic.Bool
	c.disk.DropDirty()
	c.disk.Fail(func(journaltest.Op) error { // counts by itself: the process is at work already
		if i--; i != -1 {
			return nil
		}
		met.Store(true)
		return fault
	})
	lives := c.runs(8 * time.Second)
	c.disk.Fail(nil)
	if !lives || fault != syscall.ENOSPC { // else it tries again by itself
		c.end(next(c.disk))
		c.live()
	}
	c.takeBack()
	c.expectOnce("large     ", "sound-1   ", "sound-2   ", "sound-3   ", "poison    ")
	c.end(c.disk)
	return met.Load()
}
