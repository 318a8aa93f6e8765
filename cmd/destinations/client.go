package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/status"
)

// reachFlags say how a running service is reached.
type reachFlags struct {
	Target          string `default:"127.0.0.1:50051" placeholder:"HOST:PORT" help:"The service (${default})."`
	Insecure        bool   `help:"Allow a --target beyond this machine without TLS, though what is sent there, a token too, can be read on the way, and the service is not known."`
	credentialFlags `embed:""`
}

// clientFlags are the flags of every command that is a client of a running service.
type clientFlags struct {
	reachFlags `embed:""`
	Profile    string `placeholder:"NAME" help:"Take the flags above from what \"destinations profile save\" has remembered under this name, as far as they are not set otherwise."`
}

// tenantFlag is the flag of those commands whose caller may see every tenant.
type tenantFlag struct {
	Tenant string `placeholder:"NAME" help:"Only what is of this tenant (the caller's own, or all if he sees every tenant; then it is needed beside --bucket)."`
}

// dial prepares a connection to the service. It is made at the first call, so a
// service that is not there shows as that call's error.
func (c *clientFlags) dial(p *process) (*grpc.ClientConn, error) {
	if err := c.check(); err != nil {
		return nil, &exitError{code: exitNothing, err: fmt.Errorf("--target: %w", err)}
	}
	options, err := c.options(p.environ)
	if err != nil {
		return nil, &exitError{code: exitNothing, err: err}
	}
	conn, err := grpc.NewClient(c.Target, append(options,
		grpc.WithUserAgent("destinations/"+readBuild().version),
		grpc.WithConnectParams(grpc.ConnectParams{Backoff: reconnect(), MinConnectTimeout: 10 * time.Second}),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 30 * time.Second, Timeout: 20 * time.Second}))...)
	if err != nil {
		return nil, fmt.Errorf("--target: %w", err)
	}
	return conn, nil
}

// check refuses a target that nothing is to be sent to.
func (c *reachFlags) check() error {
	host, _, err := splitAddress(c.Target)
	if err != nil {
		return err
	}
	if !isLoopback(host) && !c.encrypted() && !c.Insecure {
		return fmt.Errorf("%s is not this machine, and the connection would not be encrypted (--tls); --insecure allows it", c.Target)
	}
	return nil
}

// reconnect is how often a connection is tried again, whoever calls meanwhile: a
// service that is back is found within seconds.
func reconnect() backoff.Config {
	return backoff.Config{BaseDelay: 200 * time.Millisecond, Multiplier: 2, Jitter: 0.2, MaxDelay: 5 * time.Second}
}

// credentialFailed is what gRPC says before the error of [bearer], which is ours.
const credentialFailed = "transport: per-RPC creds failed due to error: "

// explain words an error of a call for the person at the command line. What is no
// error of a call stays as it is.
func (c *clientFlags) explain(err error) error {
	st, ok := status.FromError(err)
	if err == nil || !ok {
		return err
	}
	if own, ok := strings.CutPrefix(st.Message(), credentialFailed); ok {
		return errors.New(own)
	}
	reason := errorInfo(st).GetReason()
	switch {
	case st.Code() == codes.Unavailable && reason == "":
		return fmt.Errorf("no service answers at %s (--target): %s%s", c.Target, st.Message(), c.transportHint(st.Message()))
	case st.Code() == codes.Unimplemented && strings.Contains(st.Message(), "/destinations.v1.Operations/"):
		return fmt.Errorf("what answers at %s (--target) is not this service, or serves operators at another address, its --operations-listen: %s", c.Target, st.Message())
	case st.Code() == codes.Unimplemented:
		return fmt.Errorf("what answers at %s (--target) is not this service: %s", c.Target, st.Message())
	case reason == "":
		return fmt.Errorf("%s: %s", st.Code(), st.Message())
	default:
		return fmt.Errorf("%s (%s): %s", st.Code(), reason, st.Message())
	}
}

// transportHint says what may be wrong if one side of a connection that has failed with
// these words speaks TLS and the other does not; "" if that is not what they look like.
func (c *clientFlags) transportHint(message string) string {
	switch {
	case !c.encrypted() && strings.Contains(message, "error reading server preface"):
		return "; if it speaks TLS, so must this command (--tls or --tls-ca)"
	case c.encrypted() && strings.Contains(message, "first record does not look like a TLS handshake"):
		return "; it does not speak TLS there, and this command does (--tls...)"
	}
	return ""
}

// timeoutError says that a service has not answered in the time of --timeout.
type timeoutError struct{ timeout time.Duration }

// Error names the flag and its value.
func (e timeoutError) Error() string {
	return fmt.Sprintf("no answer within %v (--timeout)", e.timeout)
}

// within is ctx until a --timeout has passed.
func within(ctx context.Context, timeout time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, timeout, timeoutError{timeout})
}

// explainIn is explain for a call in a ctx of within.
func (c *clientFlags) explainIn(ctx context.Context, err error) error {
	var timeout timeoutError
	if status.Code(err) == codes.DeadlineExceeded && errors.As(context.Cause(ctx), &timeout) {
		return fmt.Errorf("%s (--target): %w", c.Target, timeout)
	}
	return c.explain(err)
}

// errorInfo is what the service adds to its errors; nil if there is none, which
// reads as empty.
func errorInfo(st *status.Status) *errdetails.ErrorInfo {
	for _, detail := range st.Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok {
			return info
		}
	}
	return nil
}
