//go:build profile

package main

import (
	"fmt"
	"net"
	"net/http"
	_ "net/http/pprof" // onto http.DefaultServeMux, which nothing else serves
	"os"
	"runtime"
)

// blockEvery is the time blocked, in nanoseconds, that makes one sample: short waits
// are seen in proportion, long ones always.
const blockEvery = 10_000

// init serves the profiles of this process at the address in PROFILE_LISTEN, in
// binaries that were built for being measured. It is an init so that the service's
// own code knows nothing of it.
func init() {
	address := os.Getenv("PROFILE_LISTEN")
	if address == "" {
		return
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		fmt.Fprintf(os.Stderr, "PROFILE_LISTEN: %v\n", err)
		os.Exit(exitFailed)
	}
	if !listener.Addr().(*net.TCPAddr).IP.IsLoopback() {
		fmt.Fprintf(os.Stderr, "PROFILE_LISTEN: %s can be reached from other machines\n", address)
		os.Exit(exitFailed)
	}
	runtime.SetBlockProfileRate(blockEvery)
	go http.Serve(listener, nil) // ends with the process
}
