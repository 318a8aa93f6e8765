package server

import (
	"errors"
	"fmt"
	"net/netip"
	"time"
)

// envelopeBytes is room for everything of a request that holds one event, but
// for the payload: the names twice, the id, the trace context, and protobuf's
// own bytes.
const envelopeBytes = 4 << 10

// Config says what the server accepts. Sizes are in bytes.
type Config struct {
	// MaxPayloadBytes is the size of the largest payload that is accepted. Default
	// 1 MiB. Flag --max-payload-size.
	MaxPayloadBytes int

	// MaxRequestBytes is the size of the largest request that is read, encoded.
	// At least 4 KiB above MaxPayloadBytes, so that every event has a request that
	// it fits in. Default 4 MiB. Flag --max-request-size.
	MaxRequestBytes int

	// MaxStreamBytes is how much of one stream may wait for its sync before the
	// stream is read on: the records that were appended, and what is kept to answer
	// for them; and as much again may wait for its caller to read the answer. It may
	// be passed by one request. Default 8 MiB.
	MaxStreamBytes int64

	// MemoryBytes is what all streams together may have in hand: requests that are
	// being received and taken, and records that wait for their sync. While it is
	// used up no stream receives; it may be passed by one request for each stream,
	// when all of them were idle and send at the same moment. Beside it, each stream may hold up to a 512th of it, at least
	// 64 KiB and at most 1 MiB, of what was sent and not received, and all of them
	// remember destinations in a quarter of it. Default 128 MiB.
	// Flag --memory.
	MemoryBytes int64

	// MaxStreamAge is how long a StreamS3 lasts, more or less by a tenth of it at
	// random, before the caller is told to open another one. At least 1 s. Default
	// 1 h. Flag --max-stream-age.
	MaxStreamAge time.Duration

	// TraceRatio is which part of the events that come without a trace context, in
	// themselves and in their call, is traced from here on. 0 to 1, default 0.
	// Flag --trace-ratio.
	TraceRatio float64

	// TracedPerRequest is of how many sampled events of a request the observer is told,
	// at most. Default 0.
	TracedPerRequest int

	// MaxCallsPerConnection is how many calls one connection may have under way;
	// further ones wait at the client. At least 1. Default 1,000. Flag
	// --max-calls-per-connection.
	MaxCallsPerConnection uint32

	// MaxCallsPerAddress is how many calls of one address may be under way, whoever
	// they are of; see [limits.Host]. At least 1. Default 2,000. Flag
	// --max-calls-per-address.
	MaxCallsPerAddress int

	// MaxCallsPerPrincipal is how many calls of one principal may be under way, and of
	// all who watch the health without being authenticated. Where nobody is
	// authenticated there is no such bound. At least 1. Default 2,000. Flag
	// --max-calls-per-principal.
	MaxCallsPerPrincipal int

	// MaxCalls is how many calls may be under way in all, of those who were let in. At
	// least 1. Default 4,000. Flag --max-calls.
	MaxCalls int

	// CallsPerSecondPerAddress and CallsPerSecondPerPrincipal are how many calls may
	// begin in a second, as many at once. A connection over which they come at twice
	// that rate is closed. At least 1. Default 5,000. Flags
	// --calls-per-second-per-address and --calls-per-second-per-principal.
	CallsPerSecondPerAddress, CallsPerSecondPerPrincipal int

	// EgressAddresses is from where the service writes into buckets, as callers are told
	// it. Default none. Flag --egress-ips.
	EgressAddresses []netip.Prefix

	// RetryDelay is what a caller is told to wait before he tries again, in
	// google.rpc.RetryInfo. Default 1 s.
	RetryDelay time.Duration
}

// DefaultConfig is the configuration that the API's comments speak of.
func DefaultConfig() Config {
	return Config{
		MaxPayloadBytes: 1 << 20,
		MaxRequestBytes: 4 << 20,
		MaxStreamBytes:  8 << 20,
		MemoryBytes:     128 << 20,
		MaxStreamAge:    time.Hour,
		RetryDelay:      time.Second,

		MaxCallsPerConnection: 1000,
		MaxCallsPerAddress:    2000,
		MaxCallsPerPrincipal:  2000,
		MaxCalls:              4000,

		CallsPerSecondPerAddress:   5000,
		CallsPerSecondPerPrincipal: 5000,
	}
}

// Validate returns every problem of c, joined, or nil.
func (c Config) Validate() error {
	var problems []error
	add := func(bad bool, format string, args ...any) {
		if bad {
			problems = append(problems, fmt.Errorf(format, args...))
		}
	}
	add(c.MaxPayloadBytes < 1, "--max-payload-size: %d bytes, at least 1", c.MaxPayloadBytes)
	add(c.MaxRequestBytes-envelopeBytes < c.MaxPayloadBytes,
		"--max-request-size: %d bytes, at least 4 KiB more than --max-payload-size (%d bytes)", c.MaxRequestBytes, c.MaxPayloadBytes)
	add(c.MaxRequestBytes > maxRequestLimit, "--max-request-size: %d bytes, at most %d (1 GiB)", c.MaxRequestBytes, maxRequestLimit)
	add(c.MaxStreamBytes < 1, "MaxStreamBytes: %d, at least 1", c.MaxStreamBytes)
	add(c.MemoryBytes < 1, "--memory: %d bytes for requests, at least 1", c.MemoryBytes)
	add(c.MaxStreamAge < time.Second, "--max-stream-age: %s, at least 1s", c.MaxStreamAge)
	add(!(c.TraceRatio >= 0 && c.TraceRatio <= 1), "--trace-ratio: %v, must be from 0 to 1", c.TraceRatio)
	add(c.TracedPerRequest < 0, "TracedPerRequest: %d, at least 0", c.TracedPerRequest)
	add(c.MaxCallsPerConnection < 1, "--max-calls-per-connection: %d, at least 1", c.MaxCallsPerConnection)
	add(c.MaxCallsPerAddress < 1, "--max-calls-per-address: %d, at least 1", c.MaxCallsPerAddress)
	add(c.MaxCallsPerPrincipal < 1, "--max-calls-per-principal: %d, at least 1", c.MaxCallsPerPrincipal)
	add(c.MaxCalls < 1, "--max-calls: %d, at least 1", c.MaxCalls)
	add(c.CallsPerSecondPerAddress < 1, "--calls-per-second-per-address: %d, at least 1", c.CallsPerSecondPerAddress)
	add(c.CallsPerSecondPerPrincipal < 1, "--calls-per-second-per-principal: %d, at least 1", c.CallsPerSecondPerPrincipal)
	add(c.RetryDelay <= 0, "RetryDelay: %s, more than 0", c.RetryDelay)
	return errors.Join(problems...)
}

// maxRequestLimit keeps twice a request, which is what gRPC is allowed to
// read, within 32 bits.
const maxRequestLimit = 1 << 30

// Bounds of a stream's window: gRPC's own, and where a larger one gains nothing.
const (
	minStreamWindow = 64 << 10
	maxStreamWindow = 1 << 20
)

// streamWindow is how much of a stream may be sent and not received, in bytes: by
// default 256 KiB, with which a caller who is 50 ms away gets 5 MiB/s out of a
// stream. What is not received is in memory all the same, and charged to nobody.
func (c Config) streamWindow() int32 {
	return int32(max(minStreamWindow, min(c.MemoryBytes/512, maxStreamWindow)))
}
