// Package hostile has clients that mean a service ill: what strangers, and callers who were
// let in, can do to it with connections, frames and requests. They are for loopback, end with
// their context, and take what is needed for a flood and no more.
package hostile
