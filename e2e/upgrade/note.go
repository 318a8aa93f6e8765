package upgrade

import destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"

// Note is what the maker of a folder knows of it.
type Note struct {
	Commit   string // of the version that has written it
	Endpoint string // the S3 endpoint that it was made with; no host has this name
	Bucket   string // where all events go

	Sender    []byte    // who has sent all of Requests
	Delivered int       // events that were delivered before them, and are not to come again
	Requests  []Request // acknowledged and not delivered

	// Sealed has the key of each batch that was sealed and not delivered, by prefix: the
	// events of the sealed requests to that prefix, and no others, go there.
	Sealed map[string]string

	Tokens []string // of the receipts for Requests
}

// Request is a request that was acknowledged.
type Request struct {
	Sequence uint64
	Sealed   bool // its events were in a batch that was sealed
	Events   []Event
}

// Event is an event of a request.
type Event struct{ Prefix, Payload string }

// Messages are requests as their sender sends them, and sends them again.
func (n *Note) Messages(requests []Request) []*destinationsv1.SendS3Request {
	var messages []*destinationsv1.SendS3Request
	for _, r := range requests {
		m := &destinationsv1.SendS3Request{Bucket: n.Bucket, SenderId: n.Sender, Sequence: r.Sequence}
		for _, e := range r.Events {
			m.Events = append(m.Events, &destinationsv1.S3Event{Bucket: n.Bucket, Prefix: &e.Prefix, Payload: []byte(e.Payload)})
		}
		messages = append(messages, m)
	}
	return messages
}
