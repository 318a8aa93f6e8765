// Package tcpproxy stands between two programs of a test and does to their
// connections what networks do: it cuts them in the middle of whatever they carry,
// takes none, falls silent, or becomes slow.
//
// It knows nothing of what the connections carry. A client that signs the host
// name of its requests signs the proxy's, and the server behind it sees that name.
package tcpproxy
