// Command make writes an archive of a data folder that the service of an earlier commit
// has written, as e2e/testdata/upgrade/README.md describes it.
//
// Usage, from anywhere in a checkout that has the commit:
//
//	go run ./e2e/upgrade/make --commit COMMIT --out FILE
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
	var p params
	flag.StringVar(&p.commit, "commit", "", "what to build the service from")
	flag.StringVar(&p.out, "out", "", "the archive")
	flag.Parse()
	if p.commit == "" || p.out == "" || flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, p); err != nil {
		fmt.Fprintf(os.Stderr, "make: %v\n", err)
		os.Exit(1)
	}
}
