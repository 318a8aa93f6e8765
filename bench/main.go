// Command bench measures the service as it is run: a process of its own with its
// defaults (but --window 30s), its journal synced on a real disk, its objects in a
// real S3 server under the bucket policy that it prints. It sends events, has them
// delivered, and then reads every object back: unless each event that was
// acknowledged is there exactly once, byte for byte and under its destination's
// prefix, and each other one at most once, the run fails.
//
// Usage, from anywhere in the checkout:
//
//	go run ./bench [--destinations 1,10000] [--duration 90s] [--rate 0] [--profile FOLDER]
//
// A run sends 400-byte JSON events (gzip ratio about 5), 100 a request, over 8
// StreamS3 streams, each with a connection of its own and 32 requests outstanding,
// and draws each event's destination at random; --rate paces it, in events a
// second. Then it flushes, waits for the last object, and reads.
//
// Each run prints one line of JSON on standard output (see result for what the
// fields mean), and nothing else goes there; progress, the machine and what is
// worth knowing beside go to standard error. Exit codes: 0 all runs are true; 1 one
// failed, and those behind it were not begun; 2 the command line was not understood.
//
// With --profile the service is built with the tag "profile", and its CPU,
// allocation and block profiles of each run go to FOLDER/DESTINATIONS/. Profiling
// costs something, so the line says "profile" instead of "ingest".
//
// Everything lies in the folder .bench at the root of the checkout, which is not in
// git; it has to be on a disk, and needs about 0.6 GB for each million events. A
// run removes what it wrote, unless it failed. It needs Linux: what a process uses
// stands in /proc.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// options is what the command line says.
type options struct {
	destinations []int         // one run for each
	duration     time.Duration // of sending
	rate         int           // events a second; 0 = as many as are taken
	profile      string        // folder for profiles; "" = none
}

func main() {
	o, err := parseFlags(os.Args[1:])
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "bench: %v\n", err)
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// A second Ctrl-C ends the program at once, and with it what it started.
	context.AfterFunc(ctx, stop)
	if err := bench(ctx, o); err != nil {
		fmt.Fprintf(os.Stderr, "bench: %v\n", err)
		os.Exit(1)
	}
}

// parseFlags reads the command line.
func parseFlags(args []string) (options, error) {
	o := options{}
	fs := flag.NewFlagSet("bench", flag.ContinueOnError)
	destinations := fs.String("destinations", "1,10000", "destinations to send to, at most 100000: a run for each `number`")
	fs.DurationVar(&o.duration, "duration", 90*time.Second, "how `long` to send")
	fs.IntVar(&o.rate, "rate", 0, "`events` a second to send; 0 sends as many as are taken")
	fs.StringVar(&o.profile, "profile", "", "`folder` for profiles of the service")
	if err := fs.Parse(args); err != nil {
		return options{}, err
	}
	var errs []error
	for s := range strings.SplitSeq(*destinations, ",") {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 || n > maxDestinations {
			errs = append(errs, fmt.Errorf("--destinations: %q is not a number from 1 to %d", s, maxDestinations))
		}
		o.destinations = append(o.destinations, n)
	}
	if o.duration < time.Second {
		errs = append(errs, fmt.Errorf("--duration: %v, must be at least 1s", o.duration))
	}
	if o.rate < 0 {
		errs = append(errs, fmt.Errorf("--rate: %d, must not be negative", o.rate))
	}
	if fs.NArg() > 0 {
		errs = append(errs, fmt.Errorf("%q: takes no arguments", fs.Args()))
	}
	return o, errors.Join(errs...)
}

// say tells people what happens.
func say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "==> "+format+"\n", args...)
}
