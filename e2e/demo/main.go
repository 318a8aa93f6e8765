// Command demo shows the whole way of an event on one machine: it builds the
// service and a real S3 server, starts both, sends 30 events, waits for the
// object that they become, prints it, and goes on serving until Ctrl-C.
//
// Usage, from anywhere in the checkout:
//
//	go run ./e2e/demo [--once] [--dir FOLDER]
//
// With --once it ends after printing, with exit code 0; its last lines are then
// the object's address and the object's lines.
//
// Everything that it makes lies in the folder .demo at the root of the checkout:
// bin (the programs), s3 (the S3 server, with each object as a file below
// s3/objects), data (the service's journal), service.log and the buckets' policies.
// A run begins with empty buckets and an empty journal, and says what it removes of
// the one before; only the programs are kept.
// Two runs at a time with one folder are refused.
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
	once := flag.Bool("once", false, "stop after printing the object")
	dir := flag.String("dir", "", "folder for everything it makes (default .demo at the root of the checkout)")
	flag.Parse()
	if flag.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "demo: %q: takes no arguments\n", flag.Args())
		os.Exit(2)
	}

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// A second Ctrl-C ends the program at once, and with it what it started.
	context.AfterFunc(ctx, stop)
	if err := run(ctx, os.Stdout, *dir, *once); err != nil {
		fmt.Fprintf(os.Stderr, "\ndemo: %v\n", err)
		os.Exit(1)
	}
}
