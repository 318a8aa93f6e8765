// Package limits bounds what callers take before anybody knows what they want:
// connections, calls under way and calls a second, in all, of an address and of a principal.
// It knows no gRPC.
//
// An address is a host: an IPv4 address, or the network (/64) of an IPv6 address, of which
// everybody has as many addresses as he likes. See [Host].
//
// A connection is proven once somebody was let in who calls over it. Until then it is a
// stranger's, and gives way: where there are too many, the stranger's that is oldest is
// closed, so strangers can neither keep others out nor throw them out. And it may send
// little and begin few calls, so that no flood of any kind of frames goes on for long; strangers
// of an address who are cut off, or come again and again, are served slowly.
package limits
