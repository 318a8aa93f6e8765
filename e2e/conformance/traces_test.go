package conformance_test

import (
	"fmt"
	"strings"

	"google.golang.org/protobuf/proto"

	journalv1 "github.com/open-destinations/destinations/gen/destinations/journal/v1"
	"github.com/open-destinations/destinations/journal"
)

// traces are the trace contexts, as W3C writes them, of the events below a prefix that
// have one: as the journal has them, which is read beside the service.
func traces(dataDir, prefix string) (found []string, err error) {
	folder, err := journal.Examine(dataDir, nil)
	if err != nil {
		return nil, err
	}
	defer folder.Close()
	for partition := range folder.Partitions() {
		for r, err := range folder.Records(partition, journal.EventsLog, 0) {
			if err != nil {
				return nil, err
			}
			var events journalv1.Events
			if err := proto.Unmarshal(r.Data, &events); err != nil {
				return nil, err
			}
			found = append(found, tracesOf(&events, prefix)...)
		}
	}
	return found, nil
}

// tracesOf are those of one record.
func tracesOf(record *journalv1.Events, prefix string) (found []string) {
	for _, e := range record.GetEvents() {
		c := e.GetTraceContext()
		if len(c) == 0 || !strings.HasPrefix(record.GetDestinations()[e.GetDestination()].GetPrefix(), prefix) {
			continue
		}
		found = append(found, strings.TrimSpace(fmt.Sprintf("00-%x-%x-%x %s", c[:16], c[16:24], c[24:], e.GetTracestate())))
	}
	return found
}
