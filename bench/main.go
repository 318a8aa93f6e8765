package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// A second Ctrl-C ends the program at once, and with it what it started.
	context.AfterFunc(ctx, stop)
	run, err := parse(os.Args[1:])
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "bench: %v\n", err)
		os.Exit(2)
	}
	if err := run(ctx); err != nil {
		fmt.Fprintf(os.Stderr, "bench: %v\n", err)
		os.Exit(1)
	}
}

// parse reads the command line, and returns what it asks for.
func parse(args []string) (run func(context.Context) error, err error) {
	name := "ingest"
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		name, args = args[0], args[1:]
	}
	if name == "attack" {
		return parseAttack(args)
	}
	if name == "ingest" || name == "auth" {
		o, err := parseIngest(args)
		o.access = name == "auth"
		return func(ctx context.Context) error { return ingest(ctx, o) }, err
	}
	if name == "telemetry" {
		p, err := parseTelemetry(args)
		return func(ctx context.Context) error { return compareTelemetry(ctx, p) }, err
	}
	fs := flag.NewFlagSet("bench "+name, flag.ContinueOnError)
	t := &trial{name: name}
	fs.Uint64Var(&t.seed, "seed", rand.Uint64(), "`number` that what is random follows from")
	play, err := playOf(name, fs)
	if err != nil {
		return nil, err
	}
	if err := fs.Parse(args); err != nil {
		return nil, err
	}
	if fs.NArg() > 0 {
		return nil, fmt.Errorf("%q: takes no arguments", fs.Args())
	}
	return func(ctx context.Context) error { return t.run(ctx, play) }, nil
}

// playOf is what a trial does, whose flags it adds.
func playOf(name string, fs *flag.FlagSet) (play func(context.Context, *trial) error, err error) {
	switch name {
	case "bad":
		p := badDefaults()
		fs.DurationVar(&p.duration, "duration", p.duration, "how `long` to send, each time")
		fs.IntVar(&p.rate, "rate", p.rate, "`events` a second, to all destinations together")
		play = func(ctx context.Context, t *trial) error { return bad(ctx, t, p) }
	case "expired":
		p := expiredDefaults()
		fs.DurationVar(&p.duration, "duration", p.duration, "how `long` to send")
		fs.IntVar(&p.rate, "rate", p.rate, "`events` a second")
		play = func(ctx context.Context, t *trial) error { return expired(ctx, t, p) }
	case "overload":
		p := overloadDefaults()
		fs.DurationVar(&p.duration, "duration", p.duration, "how `long` to send")
		fs.IntVar(&p.rate, "rate", p.rate, "payload that is offered, `MB` a second")
		play = func(ctx context.Context, t *trial) error { return overload(ctx, t, p) }
	case "status":
		p := statusDefaults()
		fs.DurationVar(&p.duration, "duration", p.duration, "how `long` to send, each time")
		fs.IntVar(&p.rate, "rate", p.rate, "`events` a second; 0 = as many as are taken")
		fs.IntVar(&p.rounds, "rounds", p.rounds, "how `often`, each with and without questions")
		play = func(ctx context.Context, t *trial) error { return statusCost(ctx, t, p) }
	case "backlog":
		p := backlogDefaults()
		fs.IntVar(&p.mib, "mib", p.mib, "payload of the backlog, `MiB`")
		play = func(ctx context.Context, t *trial) error { return backlog(ctx, t, p) }
	case "tenants":
		p := tenantsDefaults()
		fs.DurationVar(&p.duration, "duration", p.duration, "how `long` to send, each time")
		play = func(ctx context.Context, t *trial) error { return tenants(ctx, t, p) }
	case "hostile":
		p := hostileDefaults()
		fs.DurationVar(&p.duration, "duration", p.duration, "how `long` each attack goes on")
		play = func(ctx context.Context, t *trial) error { return hostileClients(ctx, t, p) }
	case "clients":
		p := clientsDefaults()
		fs.DurationVar(&p.duration, "duration", p.duration, "how `long` to send, more or less, each time")
		fs.StringVar(&p.languages, "languages", p.languages, "`list` of the clients, with commas; empty is all")
		play = func(ctx context.Context, t *trial) error { return clients(ctx, t, p) }
	default:
		return nil, fmt.Errorf("%q is none of ingest, auth, telemetry, bad, expired, overload, status, backlog, tenants, hostile and clients", name)
	}
	return play, nil
}

// options is what the command line says of runs of ingest.
type options struct {
	destinations []int         // one run for each
	duration     time.Duration // of sending
	rate         int           // events a second; 0 = as many as are taken
	window       time.Duration
	even         bool
	flush        bool
	profile      string // folder for profiles; "" = none
	access       bool   // runs without authentication and with it, in turns
	rounds       int    // of these

	args, env []string     // more of the service's
	result    func(result) // takes the line; nil = it is printed
}

// parseIngest reads the flags of ingest.
func parseIngest(args []string) (options, error) {
	o := options{}
	fs := flag.NewFlagSet("bench ingest", flag.ContinueOnError)
	destinations := fs.String("destinations", "1,10000", "destinations to send to, at most 100000: a run for each `number`")
	fs.DurationVar(&o.duration, "duration", 90*time.Second, "how `long` to send")
	fs.IntVar(&o.rate, "rate", 0, "`events` a second to send; 0 sends as many as are taken")
	fs.DurationVar(&o.window, "window", 30*time.Second, "the service's --window, a `time`")
	fs.BoolVar(&o.even, "even", false, "the destinations take turns; if not, they are drawn at random")
	fs.BoolVar(&o.flush, "flush", true, "flush when all is sent; if not, wait for the windows to end")
	fs.IntVar(&o.rounds, "rounds", 5, "of auth: how `often` each of the two runs is made")
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
	if o.rounds < 1 {
		errs = append(errs, fmt.Errorf("--rounds: %d, must be at least 1", o.rounds))
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
