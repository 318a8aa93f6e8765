package harness

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"google.golang.org/grpc"

	"github.com/open-destinations/destinations/server/auth"
)

// Access is what a service knows its callers by: tokens and a grants file. A nil one is
// of a service that lets everybody in.
type Access struct {
	Store  auth.TokenStore
	Grants string // path of the file

	tokens map[string]string // by name
}

// NewAccess writes a grants file and makes tokens of some names, in a folder that need not be
// there.
func NewAccess(dir, grants string, names ...string) (*Access, error) {
	a := &Access{
		Store:  auth.TokenStore{Path: filepath.Join(dir, "tokens.json")},
		Grants: filepath.Join(dir, "grants.yaml"),
		tokens: map[string]string{},
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make a folder for the grants: %w", err)
	}
	if err := os.WriteFile(a.Grants, []byte(grants), 0o600); err != nil {
		return nil, fmt.Errorf("write the grants: %w", err)
	}
	for _, name := range names {
		token, _, err := a.Store.Create(name, time.Time{})
		if err != nil {
			return nil, fmt.Errorf("make a token: %w", err)
		}
		a.tokens[name] = token
	}
	return a, nil
}

// Args are those of serve.
func (a *Access) Args() []string {
	if a == nil {
		return nil
	}
	return []string{"--tokens", a.Store.Path, "--grants", a.Grants}
}

// Token is the token of a name.
func (a *Access) Token(name string) string { return a.tokens[name] }

// As lets a connection show the token of a name.
func (a *Access) As(name string) grpc.DialOption {
	if a == nil {
		return grpc.EmptyDialOption{}
	}
	return grpc.WithPerRPCCredentials(shown(a.tokens[name]))
}

// shown is a token that is shown with each call, on this machine without TLS.
type shown string

// GetRequestMetadata implements [credentials.PerRPCCredentials].
func (s shown) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"authorization": "Bearer " + string(s)}, nil
}

// RequireTransportSecurity implements [credentials.PerRPCCredentials].
func (shown) RequireTransportSecurity() bool { return false }
