// Destinations takes events from workflow executors over gRPC, answers as soon as
// they are durable, and writes them, once a window, as gzip objects of
// newline-delimited payloads into the S3 buckets that the events name.
//
//	destinations serve        run the service
//	destinations send         send files of events, one a line
//	destinations flush        close what is collected now, before its window ends
//	destinations list         show which destinations have undelivered events, and why
//	destinations redrive      try blocked destinations and dead batches again
//	destinations dead         list, export and destroy dead batches
//	destinations journal      look at a data folder, and repair it
//	destinations token        make, list and revoke the tokens of callers
//	destinations grants       check and explain a grants file
//	destinations profile      remember how services are reached
//	destinations policy       print what AWS has to be told so that the service can deliver
//	destinations egress-ips   print the addresses from which a service writes into buckets
//	destinations completion   print a script that lets a shell complete commands and flags
//	destinations version      print the version
//
// Every command but serve, journal, token, grants, profile, policy, completion and version is a client of a
// running service.
//
// A flag beats its variable (--log-level: DESTINATIONS_LOG_LEVEL), which beats the
// YAML file that --config names (log-level: debug), which beats the default. One
// environment and one file serve all commands: what belongs to another command is
// passed over, what belongs to none is refused.
//
// Exit codes: 0 done; 1 not done, or not wholly; 2 nothing begun: the command line,
// the environment or the configuration was not understood, or send could send nothing. What a program reads goes to standard
// output, what a person reads to standard error.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
)

// process is what a command has of the process that it runs in.
type process struct {
	ctx     context.Context
	stdin   io.Reader
	stdout  io.Writer
	stderr  io.Writer
	environ []string // as os.Environ gives it
	layers  *layers  // what parse has read; nil before
}

func main() {
	p := &process{
		ctx:     context.Background(),
		stdin:   os.Stdin,
		stdout:  os.Stdout,
		stderr:  os.Stderr,
		environ: os.Environ(),
	}
	os.Exit(p.run(os.Args[1:]))
}

// run runs the command that args name and returns the process's exit code. An
// error is on standard error when it returns, each problem on a line of its own.
func (p *process) run(args []string) int {
	command, err := p.parse(args)
	if err != nil {
		err = &exitError{code: exitNothing, err: err}
	} else if command.run != nil {
		err = command.run(p)
	}
	if err == nil {
		return exitOK
	}
	name := strings.TrimSpace("destinations " + command.name)
	if text := err.Error(); text != "" {
		for line := range strings.SplitSeq(text, "\n") {
			line = strings.TrimPrefix(line, command.name+": ") // kong names the command too
			line = strings.Replace(line, ` must be one of "",`, " must be one of ", 1)
			line = strings.Replace(line, "expected value value but", "expected a value but", 1)
			fmt.Fprintf(p.stderr, "%s: %s\n", name, p.layers.sourced(line))
		}
	}
	return exitCode(command.name, err)
}
