// Command s3server is a real S3 server for the demo and the whole-process
// tests: signatures, bucket policies, conditional writes, multipart uploads and
// checksums behave as on Amazon S3, and objects are plain files below --data.
//
// It exists as a program of its own because the library behind it changes the
// working directory of its process and runs once a process only, and as a module
// of its own because that library's dependencies are none of the service's.
//
// When it is ready it prints one line of JSON on standard output:
//
//	{"endpoint":"http://127.0.0.1:7070","region":"us-east-1"}
//
// It ends on SIGINT and SIGTERM and when its standard input closes, so that it
// never outlives the program that started it.
//
// Beside its users it knows sessions of roles, which the token service of the tests
// (e2e/sts) hands out: their keys, tokens and ends, and policies that name the roles. It
// compares x-amz-expected-bucket-owner with the access key of who has made the bucket, --root
// or an --other-owner, and asks for s3:PutObjectTagging where an object has tags.
//
// What of Amazon's it does not do: it accepts an ACL header without s3:PutObjectAcl, it
// ignores server-side encryption headers and KMS keys, it refuses policies with conditions
// on aws:PrincipalTag or s3:if-none-match, and roles have no policies of their own.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// stopGrace is how long running requests may take after the order to stop.
// Connections that clients keep idle would hold the server up for much longer.
const stopGrace = time.Second

// ready is the line that says where the server is.
type ready struct {
	Endpoint string `json:"endpoint"`
	Region   string `json:"region"`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintf(os.Stderr, "s3server: %v\n", err)
		os.Exit(1)
	}
}

// run serves until ctx ends, stdin closes or the server fails.
func run(ctx context.Context, args []string, stdin io.Reader, stdout io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() { // ends with the process, as reading standard input can't be called off
		_, _ = io.Copy(io.Discard, stdin)
		cancel()
	}()

	cfg, err := parseFlags(args)
	if err != nil {
		return err
	}
	srv, err := start(ctx, cfg)
	if err != nil {
		return err
	}
	if err := createBuckets(ctx, srv.endpoint, cfg); err != nil {
		return err
	}
	line := ready{Endpoint: srv.endpoint, Region: region}
	if err := json.NewEncoder(stdout).Encode(line); err != nil {
		return fmt.Errorf("print the endpoint: %w", err)
	}
	return srv.wait(ctx)
}
