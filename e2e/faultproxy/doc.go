// Package faultproxy stands between an S3 client of a test and a real S3 server,
// understands what is asked, and answers single requests as S3, a proxy in front
// of it or the network might: with an error instead of doing what was asked, with
// one although it was done, too late, never, or with half an answer.
//
// It passes requests on byte for byte, the host's name included, so signatures
// stay what they are. The bucket must stand in the path of the URL.
//
// For connections that fail whatever they carry there is tcpproxy.
package faultproxy
