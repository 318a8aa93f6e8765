package server

import (
	"errors"
	"math"
	"strings"
	"testing"
)

func TestOrderOfRequests(t *testing.T) {
	type req = incoming
	id, other := []byte("0123456789abcdef"), []byte("fedcba9876543210")
	tests := []struct {
		name     string
		requests []*req
		number   uint64 // of the last request, if all are right
		err      error  // of the last request
	}{
		{"no numbers", []*req{{}, {}, {}}, 3, nil},
		{"growing", []*req{{sequence: 1}, {sequence: 2}, {sequence: 90}}, 90, nil},
		{"largest", []*req{{sequence: math.MaxUint64 - 1}, {sequence: math.MaxUint64}}, math.MaxUint64, nil},
		{"the same", []*req{{sequence: 5}, {sequence: 5}}, 0, errSequenceNotGrowing},
		{"falling", []*req{{sequence: 5}, {sequence: 4}}, 0, errSequenceNotGrowing},
		{"missing behind one", []*req{{sequence: 5}, {}}, 0, errSequenceNotGrowing},
		{"number behind none", []*req{{}, {sequence: 5}}, 0, errSequenceNotGrowing},
		{"settled grows", []*req{{sequence: 5, settled: 1}, {sequence: 6, settled: 1}, {sequence: 7, settled: 6}}, 7, nil},
		{"settled just below", []*req{{sequence: 5, settled: 4}}, 5, nil},
		{"settled is the sequence", []*req{{sequence: 5, settled: 5}}, 0, errSettledInvalid},
		{"settled above", []*req{{sequence: 5, settled: 6}}, 0, errSettledInvalid},
		{"settled without sequence", []*req{{settled: 1}}, 0, errSettledInvalid},
		{"settled falls", []*req{{sequence: 5, settled: 3}, {sequence: 6, settled: 2}}, 0, errSettledInvalid},
		{"settled falls to none", []*req{{sequence: 5, settled: 3}, {sequence: 6}}, 0, errSettledInvalid},
		{"sender at the limit", []*req{{senderID: id, sequence: 65_546, settled: 10}}, 65_546, nil},
		{"sender beyond the limit", []*req{{senderID: id, sequence: 65_547, settled: 10}}, 0, errSequenceTooFar},
		{"sender beyond the limit later", []*req{{senderID: id, sequence: 1}, {sequence: 65_537}}, 0, errSequenceTooFar},
		{"no sender, no limit", []*req{{sequence: 1}, {sequence: 1 << 40}}, 1 << 40, nil},
		{"sender repeated or left out", []*req{{senderID: id, sequence: 1}, {sequence: 2}, {senderID: id, sequence: 3}}, 3, nil},
		{"sender of 15 bytes", []*req{{senderID: id[:15], sequence: 1}}, 0, errSenderIDInvalid},
		{"sender of 17 bytes", []*req{{senderID: append(id[:16:16], 1), sequence: 1}}, 0, errSenderIDInvalid},
		{"sender changes", []*req{{senderID: id, sequence: 1}, {senderID: other, sequence: 2}}, 0, errSenderIDInvalid},
		{"sender comes late", []*req{{sequence: 1}, {senderID: id, sequence: 2}}, 0, errSenderIDInvalid},
		{"sender without sequence", []*req{{senderID: id}}, 0, errSenderIDInvalid},
		{"sender, sequence missing later", []*req{{senderID: id, sequence: 1}, {senderID: id}}, 0, errSequenceNotGrowing},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var o order
			for i, r := range tt.requests {
				number, err := o.next(r)
				last := i == len(tt.requests)-1
				switch {
				case !last && err != nil:
					t.Fatalf("request %d: got %v, want nil", i+1, err)
				case last && (!errors.Is(err, tt.err) || number != tt.number):
					t.Errorf("got %d, %v; want %d, %v", number, err, tt.number, tt.err)
				case err != nil && !strings.HasPrefix(err.Error(), "request "):
					t.Errorf("got %v, which does not name the request", err)
				}
			}
		})
	}
}
