package server_test

import (
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
)

// Whoever opens many streams at once over a new connection, and sends as far ahead over each
// as he may, has sent more than a stranger may when the first of them is judged late, such as
// when the keys of his issuer are asked for. He is not cut off for it.
func TestManyStreamsThatSendAheadAreTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		judged := make(chan struct{})
		g := guard(t, setup{journal: &fakeJournal{t: t, auto: true}, judging: func() { <-judged }}, twoTenants, "a")
		closed := bounded(t, g.harness)
		conn := g.connect(t)
		defer conn.Close()
		api := destinationsv1.NewDestinationsClient(conn)
		const streams = 100
		payload := strings.Repeat("x", 256<<10)
		var all sync.WaitGroup
		for range streams {
			all.Go(func() {
				stream, err := api.SendS3(g.as("a"))
				if err != nil {
					t.Error(err)
					return
				}
				send(t, stream, request("a/x", payload))
				if answer, err := stream.CloseAndRecv(); err != nil || answer.GetAccepted() != 1 {
					t.Errorf("got %v, %v", answer, err)
				}
			})
		}
		synctest.Wait() // nothing more can be sent
		close(judged)
		all.Wait()
		if len(closed) > 0 {
			t.Errorf("a connection was closed: %s", <-closed)
		}
	})
}
