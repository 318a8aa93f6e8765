package server

import (
	"errors"
	"math"
	"strings"
	"testing"

	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
)

func TestOrderOfRequests(t *testing.T) {
	type req = destinationsv1.StreamS3Request
	id, other := []byte("0123456789abcdef"), []byte("fedcba9876543210")
	tests := []struct {
		name     string
		requests []*req
		number   uint64 // of the last request, if all are right
		err      error  // of the last request
	}{
		{"no numbers", []*req{{}, {}, {}}, 3, nil},
		{"growing", []*req{{Sequence: 1}, {Sequence: 2}, {Sequence: 90}}, 90, nil},
		{"largest", []*req{{Sequence: math.MaxUint64 - 1}, {Sequence: math.MaxUint64}}, math.MaxUint64, nil},
		{"the same", []*req{{Sequence: 5}, {Sequence: 5}}, 0, errSequenceNotGrowing},
		{"falling", []*req{{Sequence: 5}, {Sequence: 4}}, 0, errSequenceNotGrowing},
		{"missing behind one", []*req{{Sequence: 5}, {}}, 0, errSequenceNotGrowing},
		{"number behind none", []*req{{}, {Sequence: 5}}, 0, errSequenceNotGrowing},
		{"settled grows", []*req{{Sequence: 5, Settled: 1}, {Sequence: 6, Settled: 1}, {Sequence: 7, Settled: 6}}, 7, nil},
		{"settled just below", []*req{{Sequence: 5, Settled: 4}}, 5, nil},
		{"settled is the sequence", []*req{{Sequence: 5, Settled: 5}}, 0, errSettledInvalid},
		{"settled above", []*req{{Sequence: 5, Settled: 6}}, 0, errSettledInvalid},
		{"settled without sequence", []*req{{Settled: 1}}, 0, errSettledInvalid},
		{"settled falls", []*req{{Sequence: 5, Settled: 3}, {Sequence: 6, Settled: 2}}, 0, errSettledInvalid},
		{"settled falls to none", []*req{{Sequence: 5, Settled: 3}, {Sequence: 6}}, 0, errSettledInvalid},
		{"sender at the limit", []*req{{SenderId: id, Sequence: 65_546, Settled: 10}}, 65_546, nil},
		{"sender beyond the limit", []*req{{SenderId: id, Sequence: 65_547, Settled: 10}}, 0, errSequenceTooFar},
		{"sender beyond the limit later", []*req{{SenderId: id, Sequence: 1}, {Sequence: 65_537}}, 0, errSequenceTooFar},
		{"no sender, no limit", []*req{{Sequence: 1}, {Sequence: 1 << 40}}, 1 << 40, nil},
		{"sender repeated or left out", []*req{{SenderId: id, Sequence: 1}, {Sequence: 2}, {SenderId: id, Sequence: 3}}, 3, nil},
		{"sender of 15 bytes", []*req{{SenderId: id[:15], Sequence: 1}}, 0, errSenderIDInvalid},
		{"sender of 17 bytes", []*req{{SenderId: append(id[:16:16], 1), Sequence: 1}}, 0, errSenderIDInvalid},
		{"sender changes", []*req{{SenderId: id, Sequence: 1}, {SenderId: other, Sequence: 2}}, 0, errSenderIDInvalid},
		{"sender comes late", []*req{{Sequence: 1}, {SenderId: id, Sequence: 2}}, 0, errSenderIDInvalid},
		{"sender without sequence", []*req{{SenderId: id}}, 0, errSenderIDInvalid},
		{"sender, sequence missing later", []*req{{SenderId: id, Sequence: 1}, {SenderId: id}}, 0, errSequenceNotGrowing},
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
