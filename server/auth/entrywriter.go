package auth

import (
	"io"
	"log/slog"
)

// entryWriter writes entries, and says in the service's log when that begins to fail and
// when it works again: [slog] itself keeps it to itself. One goroutine writes at a time,
// which slog sees to.
type entryWriter struct {
	to  io.Writer
	log *slog.Logger

	lost int  // entries since it began to fail; 0 = it works
	torn bool // what was written last ends in the middle of a line
}

// Write implements [io.Writer] for one entry, a whole line.
func (w *entryWriter) Write(entry []byte) (int, error) {
	line := entry
	if w.torn { // what is left of another one must not spoil this one
		line = append([]byte{'\n'}, entry...)
	}
	n, err := w.to.Write(line)
	if n > 0 {
		w.torn = n < len(line) && line[n-1] != '\n'
	}
	switch {
	case err != nil:
		if w.lost == 0 {
			w.log.Error("the audit log can't be written: the service goes on without its entries", "error", err)
		}
		w.lost++
	case w.lost > 0:
		w.log.Error("the audit log can be written again", "entries_lost", w.lost)
		w.lost = 0
	}
	return len(entry), err
}
