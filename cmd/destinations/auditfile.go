package main

import (
	"fmt"
	"io"
	"os"
	"sync"
)

// auditMode is the mode of an audit log that is made.
const auditMode = 0o600

// auditFile is a file that entries are appended to, and that may be moved away: reopen
// makes another one of its name.
type auditFile struct {
	path string

	mu   sync.Mutex
	file *os.File
}

// openAudit opens the file of --audit-log; "-" is stdout, "" is nil. The function closes
// it, reopen does what its name says.
func openAudit(path string, stdout io.Writer) (w io.Writer, reopen, closeIt func() error, err error) {
	nothing := func() error { return nil }
	switch path {
	case "":
		return nil, nothing, nothing, nil
	case "-":
		return stdout, nothing, nothing, nil
	}
	a := &auditFile{path: path}
	if err := a.reopen(); err != nil {
		return nil, nil, nil, fmt.Errorf("--audit-log: %w", err)
	}
	return a, a.reopen, a.close, nil
}

func (a *auditFile) reopen() error {
	file, err := os.OpenFile(a.path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, auditMode)
	if err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	before := a.file
	a.file = file
	if before != nil {
		return before.Close()
	}
	return nil
}

// Write implements [io.Writer].
func (a *auditFile) Write(entry []byte) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.file.Write(entry)
}

func (a *auditFile) close() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.file.Close()
}
