package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/open-destinations/destinations/server/auth"
)

// accessFlags are the flags of serve that say who may call.
type accessFlags struct {
	OperationsListen string `placeholder:"HOST:PORT" help:"Serve Operations and reflection at this address, and not at --listen."`
	TLSCert          string `name:"tls-cert" placeholder:"FILE" help:"Certificate of the service with its chain (PEM), for TLS 1.3 at every address. This file and all of those below are looked at every second: a change counts when it is the same a second later, or at SIGHUP; a broken file changes nothing."`
	TLSKey           string `name:"tls-key" placeholder:"FILE" help:"Key of --tls-cert (PEM)."`

	TLSClientCA    string        `name:"tls-client-ca" placeholder:"FILE" help:"Authorities (PEM) whose client certificates say who calls."`
	TLSClientNames []string      `name:"tls-client-names" default:"uri" placeholder:"NAME" help:"Names of a client certificate that can be a principal: uri (such as a SPIFFE id), dns, cn; the first that it has any of counts (${default})."`
	Tokens         string        `placeholder:"FILE" help:"Bearer tokens that say who calls, made by \"destinations token create\"."`
	OIDCIssuer     string        `name:"oidc-issuer" placeholder:"URL" help:"OpenID Connect issuer whose JWTs say who calls."`
	OIDCAudience   string        `name:"oidc-audience" placeholder:"NAME" help:"Audience that such a JWT must name."`
	OIDCClaim      string        `name:"oidc-claim" default:"sub" placeholder:"NAME" help:"Claim of such a JWT that names the principal (${default})."`
	OIDCAlgorithms []string      `name:"oidc-algorithms" default:"RS256,ES256" placeholder:"NAME" help:"Algorithms that such a JWT may be signed with (${default})."`
	OIDCClockSkew  time.Duration `name:"oidc-clock-skew" default:"30s" placeholder:"TIME" help:"By how much the issuer's clock may be wrong (${default}, at most 5m)."`

	Grants   string `placeholder:"FILE" help:"Who may do what, where, of which tenant (YAML; see docs/access.md). Needed as soon as callers are authenticated: what it does not say is denied."`
	AuditLog string `placeholder:"FILE" help:"Write who did what, where and with what outcome, refusals and changes of what is granted, as JSON lines; \"-\" is standard output. Opened anew at SIGHUP."`
}

// access translates the flags.
func (f *accessFlags) access() auth.Config {
	c := auth.Config{
		CertFile: f.TLSCert, KeyFile: f.TLSKey, ClientCAFile: f.TLSClientCA, CertNames: f.TLSClientNames,
		TokensFile: f.Tokens, GrantsFile: f.Grants,
	}
	if f.OIDCIssuer != "" {
		c.Issuer = &auth.IssuerConfig{
			URL: f.OIDCIssuer, Audience: f.OIDCAudience, Claim: f.OIDCClaim, Algorithms: f.OIDCAlgorithms, ClockSkew: f.OIDCClockSkew,
		}
	}
	return c
}

// check finds the contradictions between them.
func (f *accessFlags) check() error {
	var problems []error
	add := func(bad bool, format string, args ...any) {
		if bad {
			problems = append(problems, fmt.Errorf(format, args...))
		}
	}
	c := f.access()
	add(f.TLSCert != "" && f.TLSKey == "", "--tls-cert: needs --tls-key")
	add(f.TLSKey != "" && f.TLSCert == "", "--tls-key: needs --tls-cert")
	add(f.TLSClientCA != "" && f.TLSCert == "", "--tls-client-ca: needs --tls-cert and --tls-key")
	add(c.Authenticates() && f.Grants == "", "--grants: missing: callers are authenticated, and nobody would be granted anything")
	add(!c.Authenticates() && f.Grants != "", "--grants: nobody is authenticated: needs --tls-client-ca, --tokens or --oidc-issuer")
	add(f.OIDCIssuer == "" && f.OIDCAudience != "", "--oidc-audience: needs --oidc-issuer")
	return errors.Join(problems...)
}

// exposed says what keeps an address from being reached from other machines; "" if nothing
// does.
func (f *accessFlags) exposed() string {
	c := f.access()
	switch encrypted := f.TLSCert != ""; {
	case encrypted && c.Authenticates():
		return ""
	case encrypted:
		return "nobody is authenticated (--tls-client-ca, --tokens or --oidc-issuer, and --grants)"
	case c.Authenticates():
		return "nothing is encrypted (--tls-cert, --tls-key)"
	}
	return "nothing is encrypted and nobody authenticated"
}
