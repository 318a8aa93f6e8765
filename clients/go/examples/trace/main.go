// Command trace is an executor that traces its steps and waits until their events are in
// S3.
//
//	go run ./trace localhost:50051
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/sdk/trace"

	destinations "github.com/open-destinations/destinations/clients/go"
)

// execute runs a step in a span: what it sends belongs to its trace.
func execute(ctx context.Context, send destinations.Sender) (receipts []*destinations.Receipt, err error) {
	ctx, span := otel.Tracer("executor").Start(ctx, "invoice")
	defer span.End()
	for n := range 3 {
		r, err := send.S3(ctx, destinations.S3Event{Bucket: "workflows", Prefix: "traced", Payload: map[string]int{"invoice": n}})
		if err != nil {
			return nil, err
		}
		receipts = append(receipts, r)
	}
	return receipts, nil
}

// show prints where the events are, when they are there.
func show(ctx context.Context, receipts []*destinations.Receipt) error {
	shown := map[string]bool{}
	for _, r := range receipts {
		delivery, err := r.Delivered(ctx)
		if err != nil {
			return err
		}
		for _, o := range delivery.Objects {
			if !shown[o.Key] {
				shown[o.Key] = true
				fmt.Printf("s3://%s/%s\n", o.Bucket, o.Key)
			}
		}
	}
	return nil
}

func main() {
	log.SetFlags(0)
	otel.SetTracerProvider(trace.NewTracerProvider()) // a real one has an exporter
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	client, err := destinations.Connect(os.Args[1], destinations.Options{})
	if err != nil {
		log.Fatal(err)
	}
	receipts, err := execute(ctx, client.Send)
	if err == nil {
		err = show(ctx, receipts)
	}
	if err = errors.Join(err, client.Close(ctx)); err != nil {
		log.Fatal(err)
	}
}
