package main

import (
	"fmt"
	"net"
)

// splitAddress checks that address is host:port with a port by number or name.
func splitAddress(address string) (host, port string, err error) {
	host, port, err = net.SplitHostPort(address)
	if err != nil {
		return "", "", fmt.Errorf("%q is not host:port, such as 127.0.0.1:50051", address)
	}
	if _, err := net.LookupPort("tcp", port); err != nil {
		return "", "", fmt.Errorf("%q has no valid port", address)
	}
	return host, port, nil
}

// isLoopback says whether host can only be this machine. An empty host is every
// interface, so it is not.
func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
