package main

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
)

// progress shows on a terminal how far a send command is; elsewhere it is silent.
// Text for people is written through it, so that both have lines of their own.
type progress struct {
	w     io.Writer
	size  int64         // of all input in bytes; -1 = unknown
	ended chan struct{} // closed by close
	done  chan struct{} // closed when nothing is drawn any more

	mu    sync.Mutex               // guards w and what follows
	bar   *progressbar.ProgressBar // nil = nothing is drawn
	shown bool                     // the bar stands on the terminal
}

// progressInterval is how often the bar is drawn.
const progressInterval = 200 * time.Millisecond

// newProgress shows size bytes of input on w, if it is a terminal. An empty input is
// as one of unknown size: there is no part of it to show.
func newProgress(w io.Writer, size int64) *progress {
	p := &progress{w: w, size: size, ended: make(chan struct{}), done: make(chan struct{})}
	if size == 0 {
		p.size = -1
	}
	if isTerminal(w) {
		p.bar = p.newBar()
	}
	return p
}

func (p *progress) newBar() *progressbar.ProgressBar {
	return progressbar.NewOptions64(p.size,
		progressbar.OptionSetWriter(p.w),
		progressbar.OptionShowBytes(true),
		progressbar.OptionShowCount(),
		progressbar.OptionUseIECUnits(true),
		progressbar.OptionSetWidth(20),
		progressbar.OptionClearOnFinish(),
		progressbar.OptionShowDescriptionAtLineEnd(),
		progressbar.OptionSetSpinnerChangeInterval(0), // it is drawn by run alone
	)
}

// start draws what sample says, now and then, until close: the bytes of input that
// were read, and the events that were answered.
func (p *progress) start(sample func() (read int64, counts sendCounts)) {
	if p.bar == nil {
		close(p.done)
		return
	}
	go p.run(sample)
}

func (p *progress) run(sample func() (int64, sendCounts)) {
	defer close(p.done)
	ticker := time.NewTicker(progressInterval)
	defer ticker.Stop()
	for begun := time.Now(); ; {
		select {
		case <-p.ended:
			return
		case <-ticker.C:
			read, counts := sample()
			p.draw(read, counts, time.Since(begun))
		}
	}
}

// draw shows the bar. It never shows the end: what was read is answered later, and a
// bar that has reached its end is not drawn again.
func (p *progress) draw(read int64, counts sendCounts, elapsed time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.size >= 0 {
		read = min(read, p.size-1)
	}
	p.bar.Describe(progressText(counts, elapsed))
	p.bar.Set64(read) // a terminal that can't be written to has no bar
	p.shown = true
}

// progressText is the part of the bar that counts events.
func progressText(counts sendCounts, elapsed time.Duration) string {
	events := counts.Accepted + counts.Rejected
	return fmt.Sprintf("%d events, %.0f/s, %d rejected", events, float64(events)/max(elapsed.Seconds(), 0.001), counts.Rejected)
}

// Write writes text for people, which ends with a line end; the bar is drawn below
// it the next time.
func (p *progress) Write(text []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clearLocked()
	return p.w.Write(text)
}

func (p *progress) clearLocked() {
	if p.shown {
		p.bar.Clear()
		p.shown = false
	}
}

// close ends the drawing and takes the bar away.
func (p *progress) close() {
	close(p.ended)
	<-p.done
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clearLocked()
	p.bar = nil
}
