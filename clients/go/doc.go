// Package destinations sends events of workflow steps to a Destinations service, which
// delivers them to Amazon S3: $.send.s3({bucket, prefix, payload}) for Go.
//
//	client, err := destinations.Connect("localhost:50051", destinations.Options{})
//	if err != nil {
//		return err
//	}
//	defer client.Close(ctx)
//	for _, order := range orders {
//		client.Send.S3(ctx, destinations.S3Event{Bucket: "my-bucket", Prefix: "orders", Payload: order})
//	}
//	return client.Flush(ctx)
//
// S3 returns when the event is in the client's buffer. It reaches its bucket exactly
// once, whatever happens to the service and the connection meanwhile, as long as this
// client lives: what has no answer is sent again, and the service knows it again. Flush
// and Close wait for the answers, a Receipt for that of one event; an event that was
// answered as accepted is on the service's disk.
//
// A buffer that is full makes S3 wait, or fail, as Options.WhenFull says. An event that
// the service does not accept is the error of its receipt, and goes to
// Options.OnRejected; the others are not touched by it.
//
// The package depends on gRPC, protobuf and OpenTelemetry's API alone. Its copy of the
// service's messages has names of its own, so a program may hold the service's generated
// code as well.
package destinations
