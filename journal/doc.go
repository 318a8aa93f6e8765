// Package journal is a partitioned, append-only, durable log on a local disk.
package journal
