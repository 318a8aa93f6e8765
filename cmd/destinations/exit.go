package main

import "errors"

// The process's exit codes.
const (
	exitOK          = 0
	exitFailed      = 1 // the command did not do, or not wholly do, what it was asked to
	exitUndelivered = 3 // the events are durable, and some are not delivered yet
	exitDead        = 4 // the events are durable, and some are in a batch that is no longer tried by itself
	exitWarned      = 5 // objects are delivered, and something else that the service does is refused
	exitUnconfirmed = 6 // the bucket has to be confirmed, and is not yet
	exitNothing     = 2 // nothing was begun: what it was told could not be understood, or send could send nothing
)

// exitError is an error that chooses its exit code. Without err nothing is left to
// say: the command has reported what happened.
type exitError struct {
	code int
	err  error
}

// Error returns what is still to be said; "" if nothing is.
func (e *exitError) Error() string {
	if e.err == nil {
		return ""
	}
	return e.err.Error()
}

// Unwrap returns the cause.
func (e *exitError) Unwrap() error { return e.err }

// exitCode is the exit code for err of the command called name.
func exitCode(name string, err error) int {
	var chosen *exitError
	if errors.As(err, &chosen) {
		return chosen.code
	}
	if name == "send" {
		return exitNothing // it fails outside exitError only before it has sent anything
	}
	return exitFailed
}
