// Command soak runs the service for long under faults, and then reads back every
// object: not one event that was acknowledged may be missing, not one there twice.
// It says what happened in one line on standard output, which begins with what the
// run is called; progress goes to standard error.
//
// Usage, from anywhere in the checkout:
//
//	go run ./e2e/soak kills [--kills 20] [--open] [--seed N]
//	go run ./e2e/soak outage [--lasting 3m] [--rate 20] [--memory 512MiB] [--seed N]
//
// kills sends from four clients that resend blindly, two over SendS3 and two over
// StreamS3, each once as a sender and once with ids, to 500 destinations in windows of
// a second, as two principals of a tenant that the service knows by their tokens and grants
// (--open: everybody may everything); cuts the connections of the clients and those to S3 now and then; and
// kills the service at random moments, also while it starts. Its line says
//
//	kills, acknowledged, lost, duplicated   what they say; the last three in events
//	acked_per_kill       events acknowledged between two kills, on average
//	replayed_seals       objects that the service had to make once more from its journal
//	resent               events that were sent again
//	dropped_duplicates   of those, the ones that the service is sure to have had
//	                     already: the client did not take the answer that says so
//	receipts             that the clients took; receipts_delivered of them are said to be
//	                     delivered in the end
//	events_in_their_objects   events that are read in an object that their receipt names
//	events_not_there     events that were sent once and are not
//
// and the run fails unless lost, duplicated and events_not_there are 0 and the others are
// not, or if a receipt is not delivered.
//
// outage takes S3 away for a while, half of it refusing connections and half of it
// silent, while so many MB/s of events go on to be sent. Its line says
//
//	acknowledged, lost, duplicated   events
//	outage_acked_mb_s    payload acknowledged during the outage, MB (10^6) a second
//	longest_silence_s    the longest time in it in which nothing was acknowledged
//	rss_mib              the service's largest resident set
//	fresh_after_s        seconds from the outage's end until no object came late any more
//	objects, requests    in the bucket; that S3 got for them
//	attempts             connections that were made to no avail during the outage
//
// and the run fails if an event is lost or there twice, if the resident set is larger
// than --memory and 128 MiB, if acknowledging stopped for more than 10 seconds, or if
// freshness is not back within a minute.
//
// Everything lies in a folder below .soak at the root of the checkout, which is not in
// git. A run removes it, unless it failed. With the same --seed a run draws the same
// numbers; what happens at the same time it can't repeat.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/open-destinations/destinations/e2e/harness"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// A second Ctrl-C ends the program at once, and with it what it started.
	context.AfterFunc(ctx, stop)
	err := command(ctx, os.Args[1:])
	switch {
	case errors.Is(err, flag.ErrHelp):
	case errors.Is(err, errUsage):
		fmt.Fprintf(os.Stderr, "soak: %v\n", err)
		os.Exit(2)
	case err != nil:
		fmt.Fprintf(os.Stderr, "soak: %v\n", err)
		os.Exit(1)
	}
}

// errUsage is a command line that is not understood.
var errUsage = errors.New("want one of: soak kills, soak outage (and --help behind it)")

// command does what the command line says.
func command(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return errUsage
	}
	fs := flag.NewFlagSet("soak "+args[0], flag.ContinueOnError)
	seed := fs.Uint64("seed", rand.Uint64(), "`number` that everything random follows from")
	var play func(context.Context, site) error
	switch args[0] {
	case "kills":
		p := killsParams{}
		fs.IntVar(&p.kills, "kills", 20, "how `often` the service is killed")
		fs.BoolVar(&p.open, "open", false, "let everybody in; if not, the service knows its callers by tokens, and has grants")
		play = func(ctx context.Context, s site) error { return kills(ctx, s, p) }
	case "outage":
		p := outageParams{window: 10 * time.Second}
		fs.DurationVar(&p.lasting, "lasting", 3*time.Minute, "how `long` S3 is away")
		fs.IntVar(&p.rate, "rate", 20, "payload to send, `MB` a second")
		fs.StringVar(&p.memory, "memory", "512MiB", "the service's --memory, a `size` in MiB")
		play = func(ctx context.Context, s site) error { return outage(ctx, s, p) }
	default:
		return fmt.Errorf("%w: %q is neither", errUsage, args[0])
	}
	if err := fs.Parse(args[1:]); err != nil {
		return err
	}
	if fs.NArg() > 0 {
		return fmt.Errorf("%w: %q: takes no arguments", errUsage, fs.Args())
	}
	return inFolder(ctx, args[0], *seed, play)
}

// inFolder builds the programs and plays in a folder of the checkout.
func inFolder(ctx context.Context, name string, seed uint64, play func(context.Context, site) error) error {
	root, err := harness.Root()
	if err != nil {
		return err
	}
	above := filepath.Join(root, ".soak")
	if err := os.MkdirAll(above, 0o755); err != nil {
		return fmt.Errorf("make the folder of the run: %w", err)
	}
	// The folder ignores itself, so that nothing in it is ever committed.
	if err := os.WriteFile(filepath.Join(above, ".gitignore"), []byte("*\n"), 0o644); err != nil {
		return fmt.Errorf("make the folder of the run: %w", err)
	}
	bins, err := harness.Build(ctx, root, filepath.Join(above, "bin"), func(step string) { say("%s", step) })
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp(above, name+"-")
	if err != nil {
		return fmt.Errorf("make the folder of the run: %w", err)
	}
	err = play(ctx, site{dir: dir, bins: bins, seed: seed, say: say, out: os.Stdout})
	if ctx.Err() == nil && err != nil {
		return fmt.Errorf("%w\n(seed %d; journal, objects and logs are left in %s)", err, seed, dir)
	}
	return errors.Join(err, os.RemoveAll(dir))
}

// say tells people what happens.
func say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "==> "+format+"\n", args...)
}
