// Package harness runs Destinations as its users do: the service's own binary, a
// real S3 server, and what is in the bucket afterwards. The demo and the
// whole-process tests stand on it; the service never imports it.
//
// Every process it starts has a process group of its own, is ended through its
// handle only, writes to a log file, and dies with the program that started it.
package harness
