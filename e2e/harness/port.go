package harness

import (
	"fmt"
	"net"
)

// FreePort returns an address of the loopback interface that nothing listens on:
// preferred if that is free, else any. Another process may take it before the
// caller does.
func FreePort(preferred string) (string, error) {
	if preferred != "" {
		if l, err := net.Listen("tcp", preferred); err == nil {
			defer l.Close()
			return preferred, nil
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("choose a port: %w", err)
	}
	defer l.Close()
	return l.Addr().String(), nil
}
