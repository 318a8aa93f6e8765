package main

import (
	"io"
	"log/slog"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

// pipes is a listener of connections that the test makes.
type pipes chan net.Conn

func (p pipes) Accept() (net.Conn, error) {
	conn, ok := <-p
	if !ok {
		return nil, net.ErrClosed
	}
	return conn, nil
}
func (p pipes) Close() error   { close(p); return nil }
func (p pipes) Addr() net.Addr { return &net.TCPAddr{} }

// Whoever asks the admin pages slowly, or does not read what he gets, is closed.
func TestSlowReadersOfAdminPagesAreClosed(t *testing.T) {
	endless := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for {
			if _, err := w.Write(make([]byte, 1<<16)); err != nil {
				return
			}
		}
	})
	for name, c := range map[string]struct {
		asks   string
		within time.Duration
	}{
		"no header":  {"", 5 * time.Second},
		"no body":    {"GET /readyz HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n", 10 * time.Second},
		"reads none": {"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n", 2 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				admin := newAdmin(adminParams{Condition: fakeCondition{}, Metrics: endless, Log: slog.New(slog.DiscardHandler)})
				coming, served := make(pipes, 1), make(chan error, 1)
				go func() { served <- admin.Serve(coming) }()
				there, here := net.Pipe()
				coming <- here
				if _, err := io.WriteString(there, c.asks); err != nil {
					t.Fatal(err)
				}
				time.Sleep(c.within + time.Second)
				synctest.Wait()
				there.SetReadDeadline(time.Now().Add(time.Millisecond))
				// A deadline that passes is an error, an end is none.
				if n, err := io.Copy(io.Discard, io.LimitReader(there, 1<<20)); err != nil || n == 1<<20 {
					t.Errorf("it is open after %v: %d bytes, %v", c.within+time.Second, n, err)
				}
				there.Close()
				admin.Close()
				<-served
			})
		})
	}
}
