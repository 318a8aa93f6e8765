package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"

	"github.com/open-destinations/destinations/journal"
	"github.com/open-destinations/destinations/server"
)

// journalCmd are the commands that look at a data folder without a service.
type journalCmd struct {
	Verify verifyCmd `cmd:"" help:"Read all of a data folder that no service has open, and say what is damaged."`
	Dump   dumpCmd   `cmd:"" help:"Print what stands in a data folder, also beside a running service, as JSON lines."`
	Repair repairCmd `cmd:"" help:"Make a damaged data folder one that a service can open again, and say what is lost."`
}

// folderFlags name a data folder.
type folderFlags struct {
	DataDir string `required:"" placeholder:"DIR" help:"The data folder."`
}

// verifyCmd finds out whether a folder is whole.
type verifyCmd struct {
	folderFlags `embed:""`
}

// Run prints a line for each partition, and one for everything that is damaged.
func (c *verifyCmd) Run(p *process) error {
	folder, err := journal.Claim(c.DataDir, nil)
	if err != nil {
		return err
	}
	defer folder.Close() // nothing was written
	damaged := false
	for i := range folder.Partitions() {
		found, err := inspect(folder, i)
		if err != nil { // those of the others can be told all the same
			damaged = true
			fmt.Fprintf(p.stdout, "partition %d: DAMAGED: %s\n", i, oneLine(unreadable(err)))
			continue
		}
		fmt.Fprintln(p.stdout, found)
		for _, problem := range found.problems() {
			damaged = true
			fmt.Fprintf(p.stdout, "partition %d: DAMAGED: %s\n", i, oneLine(problem))
		}
	}
	if err := server.CheckTokenKey(c.DataDir); err != nil {
		damaged = true
		fmt.Fprintf(p.stdout, "DAMAGED: %s\n", oneLine(err))
	}
	if damaged {
		return &exitError{code: exitFailed}
	}
	return nil
}

// unreadable says what helps where a partition cannot be looked at.
func unreadable(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("the partition's folder, or a file of it, is gone; put a copy of the folder in its place: %w", err)
	}
	return fmt.Errorf("the partition can't be read: %w", err)
}

// String says what a partition holds.
func (n *inspection) String() string {
	state := "sound"
	if len(n.problems()) > 0 {
		state = "damaged"
	}
	s := n.survey
	return fmt.Sprintf("partition %d: %s: events %s, decisions %s, %s, %s", s.Partition, state,
		logText(&s.Events), logText(&s.Control), counted(uint64(len(s.Files)), "state file", "state files"),
		counted(uint64(len(s.Spools)), "parked file", "parked files"))
}

// logText says what a log holds.
func logText(l *journal.LogSurvey) string {
	if l.From == l.To {
		return fmt.Sprintf("none up to %d in %s", l.To, counted(uint64(l.Segments), "segment", "segments"))
	}
	return fmt.Sprintf("%d to %d in %s", l.From, l.To-1, counted(uint64(l.Segments), "segment", "segments"))
}

// checkOwner refuses to write to a folder of another user: the service could not open
// what was written.
func checkOwner(dir string) error {
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if ok && int(stat.Uid) != os.Geteuid() {
		return fmt.Errorf("%s belongs to user %d: run this as that user, or the service could not open what is written", dir, stat.Uid)
	}
	return nil
}

// indented puts a line behind two spaces.
func indented(text string) string { return "  " + text }

// oneLine is an error of several lines on one.
func oneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }
