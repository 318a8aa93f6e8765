package main

import (
	"fmt"
	"sort"
)

// place is a line of an input file, or a whole file.
type place struct {
	file string // as it was named on the command line; "stdin" for standard input
	line uint64 // from 1; 0 = the whole file
}

// String writes the place as compilers and grep do.
func (p place) String() string {
	if p.line == 0 {
		return p.file
	}
	return fmt.Sprintf("%s:%d", p.file, p.line)
}

// places says where the events of one request stood. Lines that follow each other
// are one run, so its size is the number of lines that were left out, not that of
// those that were sent.
type places struct {
	runs []placeRun // by first, growing
	next uint64     // index of the next event
}

// placeRun are events whose lines follow each other in one file.
type placeRun struct {
	first uint64 // index of the first
	at    place  // its line
}

// add takes the next event of the request.
func (p *places) add(at place) {
	if n := len(p.runs); n == 0 || p.runs[n-1].lineOf(p.next) != at {
		p.runs = append(p.runs, placeRun{first: p.next, at: at})
	}
	p.next++
}

// lineOf is the line that the event at index has if it belongs to this run.
func (r placeRun) lineOf(index uint64) place {
	return place{file: r.at.file, line: r.at.line + (index - r.first)}
}

// last is the line of the last event; false if there is none.
func (p *places) last() (place, bool) {
	if p.next == 0 {
		return place{}, false
	}
	return p.find(p.next - 1)
}

// find is the line of the event at index, which was added.
func (p *places) find(index uint64) (place, bool) {
	if index >= p.next {
		return place{}, false
	}
	behind := sort.Search(len(p.runs), func(i int) bool { return p.runs[i].first > index })
	return p.runs[behind-1].lineOf(index), true
}
