package destinations

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
)

// dial makes the connection to a target, which is not tried yet.
func dial(target string, o Options) (*grpc.ClientConn, error) {
	if target == "" {
		return nil, wrong("target", "is missing")
	}
	local := isLocal(target)
	way := o.Credentials
	if way == nil && (local || o.Insecure) {
		way = insecure.NewCredentials()
	} else if way == nil {
		way = credentials.NewTLS(nil)
	}
	plain := way.Info().SecurityProtocol == "insecure"
	dialOptions := []grpc.DialOption{
		grpc.WithTransportCredentials(way),
		grpc.WithDisableRetry(),
		grpc.WithDisableServiceConfig(),
		grpc.WithUserAgent("destinations-go"),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: o.ReconnectInitial, Multiplier: 2, Jitter: 0.5, MaxDelay: o.ReconnectMax},
			MinConnectTimeout: max(endTimeout, o.ReconnectMax),
		}),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: o.KeepaliveTime, Timeout: o.KeepaliveTimeout}),
		// Left to itself, gRPC measures for windows of its own choice, with a ping for each
		// burst of answers.
		grpc.WithStaticStreamWindowSize(256 << 10), grpc.WithStaticConnWindowSize(1 << 20),
	}
	if o.Token != "" || o.TokenSource != nil {
		if plain && !local {
			return nil, wrong("Token", "not over plaintext to another machine")
		}
		dialOptions = append(dialOptions, grpc.WithPerRPCCredentials(&bearer{options: o, secure: !plain}))
	}
	conn, err := grpc.NewClient(target, append(dialOptions, o.DialOptions...)...)
	if err != nil {
		return nil, fmt.Errorf("target: %w", err)
	}
	return conn, nil
}

// isLocal says whether a target is on this machine.
func isLocal(target string) bool {
	if strings.HasPrefix(target, "unix:") || strings.HasPrefix(target, "unix-abstract:") {
		return true
	}
	for _, scheme := range []string{"dns:///", "dns:", "passthrough:///"} {
		if rest, ok := strings.CutPrefix(target, scheme); ok {
			target = rest
			break
		}
	}
	host, _, err := net.SplitHostPort(target)
	if err != nil {
		host = strings.Trim(target, "[]")
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// bearer gives the token of each call.
type bearer struct {
	options Options
	secure  bool
}

// GetRequestMetadata implements credentials.PerRPCCredentials.
func (b *bearer) GetRequestMetadata(ctx context.Context, _ ...string) (map[string]string, error) {
	token := b.options.Token
	if b.options.TokenSource != nil {
		var err error
		if token, err = b.ask(ctx); err != nil {
			return nil, fmt.Errorf("get a token: %w", err)
		}
	}
	return map[string]string{"authorization": "Bearer " + token}, nil
}

// errNoHeader is a token that a header can't say, as one from a file with its line end.
// gRPC's own refusal could show it.
var errNoHeader = errors.New("it is not of visible ASCII characters")

// ask has TokenSource give a token. It knows of no context, so Close does not wait for
// it: a goroutine that it holds up ends when it returns.
func (b *bearer) ask(ctx context.Context) (string, error) {
	type answer struct {
		token string
		err   error
	}
	given := make(chan answer, 1)
	go func() {
		token, err := b.options.TokenSource()
		given <- answer{token, err}
	}()
	select {
	case a := <-given:
		if a.err == nil && !isToken(a.token) {
			a.err = errNoHeader
		}
		return a.token, a.err
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// isToken says whether a header can say a token.
func isToken(token string) bool {
	for _, c := range []byte(token) {
		if c <= ' ' || c > '~' {
			return false
		}
	}
	return token != ""
}

// RequireTransportSecurity implements credentials.PerRPCCredentials. Plaintext is for
// this machine alone: dial sees to it.
func (b *bearer) RequireTransportSecurity() bool { return b.secure }
