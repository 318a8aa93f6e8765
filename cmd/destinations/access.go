package main

import (
	"errors"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/open-destinations/destinations/server/auth"
)

// access is who may call, as the flags of serve say it.
type access struct {
	gate   *auth.Gate
	audit  *auth.Audit
	reload func() // reads the files again, and begins a new audit log if that was moved away
	close  func() error
}

// openAccess reads the files that say who may call. What is wrong with them is an error.
func (f *accessFlags) openAccess(stdout io.Writer, log *slog.Logger) (access, error) {
	w, reopen, closeIt, err := openAudit(f.AuditLog, stdout)
	if err != nil {
		return access{}, err
	}
	audit := auth.NewAudit(w, log)
	gate, err := auth.New(f.access(), audit, log)
	if err != nil {
		return access{}, errors.Join(err, closeIt())
	}
	reload := func() {
		if err := reopen(); err != nil {
			log.Error("--audit-log can't be opened anew: the one before is written on", "error", err)
		}
		gate.Reload()
	}
	return access{gate: gate, audit: audit, reload: reload, close: closeIt}, nil
}

// onHangup calls f at each SIGHUP. The function takes that back.
func onHangup(f func()) func() {
	signals, released, done := make(chan os.Signal, 1), make(chan struct{}), make(chan struct{})
	signal.Notify(signals, syscall.SIGHUP)
	go func() {
		defer close(done)
		for {
			select {
			case <-signals:
				f()
			case <-released:
				return
			}
		}
	}()
	return func() {
		signal.Stop(signals)
		close(released)
		<-done
	}
}
