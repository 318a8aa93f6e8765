// Command bulk loads an NDJSON file, as fast as the service takes it and with bounded
// memory.
//
//	go run ./bulk localhost:50051 events.ndjson
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log"
	"os"

	destinations "github.com/open-destinations/destinations/clients/go"
)

func load(ctx context.Context, client *destinations.Client, path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20) // the largest event
	for lines.Scan() {
		if len(lines.Bytes()) == 0 {
			continue
		}
		// It waits while the buffer is full, and copies the line.
		if _, err := client.Send.S3(ctx, destinations.S3Event{Bucket: "workflows", Prefix: "bulk", Payload: lines.Bytes()}); err != nil {
			return err
		}
	}
	return lines.Err()
}

func main() {
	log.SetFlags(0)
	ctx := context.Background()
	client, err := destinations.Connect(os.Args[1], destinations.Options{
		MaxStreams: 1, // the lines keep their order
		OnRejected: func(err error) { log.Print(err) },
	})
	if err != nil {
		log.Fatal(err)
	}
	err = load(ctx, client, os.Args[2])
	if err = errors.Join(err, client.Close(ctx)); err != nil {
		log.Fatal(err)
	}
	stats := client.Stats()
	fmt.Printf("%d events accepted, %d rejected\n", stats.Accepted, stats.Rejected)
	if stats.Rejected > 0 {
		os.Exit(1)
	}
}
