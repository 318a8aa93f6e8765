// Package auth says who a caller is, and what he may. It knows files, certificates
// and tokens; it knows nothing of gRPC.
//
// # Who
//
// A caller shows a bearer token or a client certificate. [Gate.Enter] makes a
// principal of it: a name with its kind in front, which is what a grants file, the
// logs and the journal call him by.
//
//	token:NAME      an opaque token of a [Tokens] file, made by "destinations token create"
//	uri:URI         the URI name of a client certificate, such as a SPIFFE id
//	dns:NAME        its DNS name
//	cn:NAME         its common name
//	oidc:SUBJECT    a claim of a JWT that an OpenID Connect issuer has signed
//
// Who shows a token is judged by it alone, whatever certificate he has.
//
// # Where
//
// A [Grants] file says of principals whose they are (their tenant), what they may do
// (roles) and where (buckets and prefixes). What it does not say is denied.
//
// # Changes
//
// Files are looked at every second, and a change counts when the next look finds the same,
// or at once with [Gate.Reload]. Whatever changes, every [Caller] that has entered is
// judged anew: one whose credential or grant no longer holds finds himself ended (see
// [Caller.WhenEnded]), also in the middle of a stream, and one whose grant has changed finds
// another one in [Caller.Grant]. A file that can't be read or understood changes nothing,
// and the log says so.
package auth
