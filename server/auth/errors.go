package auth

import "errors"

// Why a caller is not let in, or not any more. They may be wrapped; what wraps them
// is for the log and not for the caller, who is told the text of these alone.
var (
	// ErrNoCredential: he has shown nothing.
	ErrNoCredential = errors.New("no credential: neither a bearer token nor a client certificate")
	// ErrCredential: what he has shown is unknown, revoked, expired, forged or not
	// meant for this service.
	ErrCredential = errors.New("the credential is not valid")
	// ErrIssuerUnavailable: he has shown a JWT, and the keys of its issuer are not
	// known yet.
	ErrIssuerUnavailable = errors.New("the keys of the token's issuer could not be had; try again later")
	// ErrNotGranted: no grant names his principal.
	ErrNotGranted = errors.New("no grant names this principal")
	// ErrRole: his grant has not the role that the call needs.
	ErrRole = errors.New("the grant of this principal has not the role that the call needs")
)
