package main

import (
	"io"
	"log/slog"
	"os"

	"golang.org/x/term"
)

// newLogger makes the service's logger. format is auto, text or json; level is
// debug, info, warn or error.
func newLogger(w io.Writer, format, level string) *slog.Logger {
	options := &slog.HandlerOptions{Level: logLevels[level]}
	if format == "text" || format == "auto" && isTerminal(w) {
		return slog.New(slog.NewTextHandler(w, options))
	}
	return slog.New(slog.NewJSONHandler(w, options))
}

var logLevels = map[string]slog.Level{
	"debug": slog.LevelDebug,
	"info":  slog.LevelInfo,
	"warn":  slog.LevelWarn,
	"error": slog.LevelError,
}

// isTerminal says whether somebody sits at a reader or writer.
func isTerminal(readerOrWriter any) bool {
	f, ok := readerOrWriter.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
