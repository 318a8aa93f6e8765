// Command tracedemo shows what a workflow's trace looks like: it starts a real S3 server,
// the service and Jaeger, sends an event as a traced client does, waits for its delivery,
// asks Jaeger for the event's trace and the batch's, checks them, prints them as a tree,
// and goes on serving until Ctrl-C. The tree leads from the client's span to what the
// service has added to its trace, and behind the link to what happened to the object.
//
// Usage, from anywhere in the checkout:
//
//	go run ./e2e/tracedemo [--once] [--jaeger PROGRAM]
//
// With --once it ends after printing, with exit code 0 if the tree is what
// docs/telemetry.md says. The tree is all that it prints to its standard output.
//
// Programs are built into .demo/bin at the root of the checkout: Jaeger takes minutes the
// first time. It comes with its API but without its UI: --jaeger takes a release's
// instead, which has one. All else lies in a temporary folder, which is removed.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	once := flag.Bool("once", false, "stop after printing the tree")
	jaeger := flag.String("jaeger", "", "program of a release of Jaeger 2, for its UI (default: builds one without)")
	flag.Parse()
	if flag.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "tracedemo: %q: takes no arguments\n", flag.Args())
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// A second Ctrl-C ends the program at once, and with it what it started.
	context.AfterFunc(ctx, stop)
	if err := run(ctx, *jaeger, *once); err != nil {
		fmt.Fprintf(os.Stderr, "tracedemo: %v\n", err)
		os.Exit(1)
	}
}
