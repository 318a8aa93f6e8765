package main

import (
	"fmt"
	"time"
)

// tellAfter is how long a run of rejected lines is waited for to go on.
const tellAfter = time.Second

// rejectedRun are lines of a file that follow each other and are rejected for the same
// reason, which is said once. The zero run is of none.
type rejectedRun struct {
	first  place
	last   uint64 // line
	reason string
	timer  *time.Timer // tells of it; nil = it is of none
}

// take adds the next rejected event, if it is of the run.
func (r *rejectedRun) take(at place, reason string) bool {
	if r.timer == nil || at.line == 0 || at.file != r.first.file || at.line != r.last+1 || reason != r.reason {
		return false
	}
	r.last = at.line
	return true
}

// text is "file:first-last: reason".
func (r *rejectedRun) text() string {
	if r.first.line == r.last {
		return fmt.Sprintf("%s: %s", r.first, r.reason)
	}
	return fmt.Sprintf("%s-%d: %s", r.first, r.last, r.reason)
}
