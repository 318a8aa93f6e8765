package server

import (
	"bytes"
	"fmt"
)

// senderIDBytes is the size of a sender's id.
const senderIDBytes = 16

// maxUnsettled is how far above settled a sender may number its requests; it
// bounds what has to be remembered of him.
const maxUnsettled = 1 << 16

// order checks what the requests of a stream say of their sequence, one after the
// other.
type order struct {
	required bool   // every request must have a sequence
	count    uint64 // requests checked
	sequence uint64 // of the last one; 0 = the stream is not numbered
	settled  uint64 // of the last one
	sender   []byte // 16 bytes, or nil
}

// next checks a request. It returns the number that the request has for
// durable_sequence: its sequence, or its place in the stream from 1.
func (o *order) next(request *incoming) (uint64, error) {
	o.count++
	if o.required && request.sequence == 0 {
		return 0, fmt.Errorf("request %d: %w: it is missing", o.count, errSequenceNotGrowing)
	}
	if err := o.checkSender(request); err != nil {
		return 0, fmt.Errorf("request %d: %w", o.count, err)
	}
	if err := o.checkSequence(request); err != nil {
		return 0, fmt.Errorf("request %d: %w", o.count, err)
	}
	if err := o.checkSettled(request); err != nil {
		return 0, fmt.Errorf("request %d: %w", o.count, err)
	}
	o.sequence, o.settled = request.sequence, request.settled
	if o.sequence == 0 {
		return o.count, nil
	}
	return o.sequence, nil
}

func (o *order) checkSender(request *incoming) error {
	id := request.senderID
	switch {
	case len(id) == 0:
		return nil
	case len(id) != senderIDBytes:
		return fmt.Errorf("%w: %s bytes, must be %d", errSenderIDInvalid, thousands(len(id)), senderIDBytes)
	case o.count > 1 && o.sender == nil:
		return fmt.Errorf("%w: the stream's first request had none", errSenderIDInvalid)
	case o.count > 1 && !bytes.Equal(id, o.sender):
		return fmt.Errorf("%w: not that of the stream's first request", errSenderIDInvalid)
	case o.count == 1 && request.sequence == 0:
		return fmt.Errorf("%w: comes without sequence", errSenderIDInvalid)
	}
	if o.sender == nil {
		o.sender = bytes.Clone(id)
	}
	return nil
}

func (o *order) checkSequence(request *incoming) error {
	sequence := request.sequence
	switch {
	case o.count == 1:
		return nil
	case sequence > 0 && o.sequence == 0:
		return fmt.Errorf("%w: %d behind a request without one", errSequenceNotGrowing, sequence)
	case sequence == 0 && o.sequence > 0:
		return fmt.Errorf("%w: none behind %d", errSequenceNotGrowing, o.sequence)
	case sequence > 0 && sequence <= o.sequence:
		return fmt.Errorf("%w: %d behind %d", errSequenceNotGrowing, sequence, o.sequence)
	}
	return nil
}

func (o *order) checkSettled(request *incoming) error {
	sequence, settled := request.sequence, request.settled
	switch {
	case settled > 0 && settled >= sequence:
		return fmt.Errorf("%w: %d is not below sequence %d", errSettledInvalid, settled, sequence)
	case settled < o.settled:
		return fmt.Errorf("%w: %d behind %d", errSettledInvalid, settled, o.settled)
	case o.sender != nil && sequence-settled > maxUnsettled:
		return fmt.Errorf("%w: %d is %d above settled %d, limit 65,536", errSequenceTooFar, sequence, sequence-settled, settled)
	}
	return nil
}
