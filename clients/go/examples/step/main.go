// Command step is a workflow step with a loop and a condition.
//
//	go run ./step localhost:50051
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"time"

	destinations "github.com/open-destinations/destinations/clients/go"
)

type order struct {
	ID      int    `json:"id"`
	Country string `json:"country"`
	Total   int    `json:"total"`
}

// step is what its author writes: it never sees gRPC.
func step(ctx context.Context, send destinations.Sender, orders []order) error {
	for _, o := range orders {
		if _, err := send.S3(ctx, destinations.S3Event{Bucket: "workflows", Prefix: "orders/" + o.Country, Payload: o}); err != nil {
			return err
		}
		if o.Total < 1000 {
			continue
		}
		// The id lets the step run again: what was sent before is left out.
		large := destinations.S3Event{Bucket: "audit", Payload: map[string]int{"order": o.ID, "total": o.Total}, ID: fmt.Sprint("large-", o.ID)}
		if _, err := send.S3(ctx, large); err != nil {
			return err
		}
	}
	return nil
}

func main() {
	log.SetFlags(0)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	client, err := destinations.Connect(os.Args[1], destinations.Options{OnRejected: func(err error) { log.Print(err) }})
	if err != nil {
		log.Fatal(err)
	}
	err = step(ctx, client.Send, []order{{1, "de", 120}, {2, "fr", 4200}, {3, "de", 80}})
	if err == nil {
		err = client.Flush(ctx) // the end of the workflow: everything is on stable storage
	}
	if closed := client.Close(ctx); err == nil {
		err = closed
	}
	if err != nil {
		log.Fatal(err)
	}
	stats := client.Stats()
	fmt.Printf("%d events accepted, %d rejected\n", stats.Accepted, stats.Rejected)
}
