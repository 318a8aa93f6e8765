package destinations

import (
	"errors"
	"fmt"
	"time"
)

// ErrClosed is what a closed client answers.
var ErrClosed = errors.New("the client is closed")

// RejectedError says why one event was not accepted, by the service or by the client.
type RejectedError struct {
	// Code is a RejectionCode of the service without its first words, such as
	// PAYLOAD_LINE_BREAK; ID_INVALID and REQUEST_TOO_LARGE are the client's own.
	Code string

	// Field of the event that is at fault; empty if none is.
	Field string

	// Reason is for people and names the limit and the value.
	Reason string

	// Bucket, Prefix and ID are the event's.
	Bucket, Prefix, ID string
}

func (e *RejectedError) Error() string {
	if e.Field == "" {
		return fmt.Sprintf("the event was rejected: %s (%s)", e.Reason, e.Code)
	}
	return fmt.Sprintf("the event was rejected: %s: %s (%s)", e.Field, e.Reason, e.Code)
}

// SerializationError is a payload that can't be made into bytes.
type SerializationError struct {
	Err error // of the encoder
}

func (e *SerializationError) Error() string {
	return fmt.Sprintf("payload: can't be serialized: %v", e.Err)
}

// Unwrap is the encoder's error.
func (e *SerializationError) Unwrap() error { return e.Err }

// BufferFullError is an event for which there was no room.
type BufferFullError struct {
	Limit  int64         // Options.MaxBufferedBytes
	Event  int64         // bytes of the event, as they count
	Waited time.Duration // 0 = not at all
}

func (e *BufferFullError) Error() string {
	if e.Waited == 0 {
		return fmt.Sprintf("the buffer is full: no room for %d bytes of %d", e.Event, e.Limit)
	}
	return fmt.Sprintf("the buffer is full: no room for %d bytes of %d within %v", e.Event, e.Limit, e.Waited)
}

// UnansweredError is what was left without an answer when the client was closed: the
// service may have accepted it or not.
type UnansweredError struct {
	Events int   // without an answer
	Bytes  int64 // of them, as they count in the buffer
}

func (e *UnansweredError) Error() string {
	return fmt.Sprintf("the client was closed with %d events (%d bytes) unanswered: they may have been accepted or not", e.Events, e.Bytes)
}

// ClientFailedError ends a client: the service refuses what it sends, and would again.
// It is also what a refused question for a delivery ends with, which ends nothing else.
type ClientFailedError struct {
	Code    string // gRPC's, such as PERMISSION_DENIED
	Reason  string // ErrorInfo.reason of the service; empty if it gave none
	Message string
	Err     error // what was behind it
}

func (e *ClientFailedError) Error() string {
	if e.Reason == "" {
		return fmt.Sprintf("the service refuses: %s (%s)", e.Message, e.Code)
	}
	return fmt.Sprintf("the service refuses: %s (%s, %s)", e.Message, e.Code, e.Reason)
}

// Unwrap is what was behind it.
func (e *ClientFailedError) Unwrap() error { return e.Err }

// DeadError says that events will not be delivered by themselves.
type DeadError struct {
	Status DeliveryStatus
}

func (e *DeadError) Error() string {
	return fmt.Sprintf("the delivery is dead: %s (%s)", e.Status.Message, e.Status.Code)
}
