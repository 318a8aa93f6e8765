package main

import (
	"fmt"
	"strings"
	"time"

	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
)

const deliveryPrefix = "DELIVERY_STATE_"

// deliveryStateName is a state as --state names it; a later version's by its number.
func deliveryStateName(state destinationsv1.DeliveryState) string {
	return strings.ToLower(strings.TrimPrefix(state.String(), deliveryPrefix))
}

// deliveryStateNamed is the state that --state names; "" is all.
func deliveryStateNamed(name string) destinationsv1.DeliveryState {
	return destinationsv1.DeliveryState(destinationsv1.DeliveryState_value[deliveryPrefix+strings.ToUpper(name)])
}

// objectLine is an object for programs.
type objectLine struct {
	Bucket      string     `json:"bucket"`
	Key         string     `json:"key"`
	ETag        string     `json:"etag,omitempty"`
	Size        uint64     `json:"size,omitempty"`
	Events      uint64     `json:"events"`
	RawBytes    uint64     `json:"raw_bytes"`
	DeliveredAt *time.Time `json:"delivered_at,omitempty"`
}

func objectLineOf(o *destinationsv1.DeliveredObject) objectLine {
	return objectLine{
		Bucket: o.GetBucket(), Key: o.GetKey(), ETag: o.GetEtag(), Size: o.GetSize(), Events: o.GetEvents(), RawBytes: o.GetRawBytes(),
		DeliveredAt: timeOf(o.GetDeliveredAt()),
	}
}

// deliveryLine is what became of a token's events, for programs.
type deliveryLine struct {
	Token          string       `json:"token"`
	State          string       `json:"state"`
	Bucket         string       `json:"bucket,omitempty"`
	Prefix         string       `json:"prefix,omitempty"`
	Objects        []objectLine `json:"objects"`
	ObjectsOmitted uint64       `json:"objects_omitted,omitempty"`
	Code           string       `json:"code,omitempty"`
	Message        string       `json:"message,omitempty"`
	NextTry        *time.Time   `json:"next_try,omitempty"`
	DetailsExpired bool         `json:"details_expired,omitempty"`
}

func deliveryLineOf(d *destinationsv1.Delivery) deliveryLine {
	line := deliveryLine{
		Token: d.GetToken(), State: deliveryStateName(d.GetState()), Bucket: d.GetDestination().GetBucket(), Prefix: d.GetDestination().GetPrefix(),
		Objects: []objectLine{}, ObjectsOmitted: d.GetObjectsOmitted(), Code: d.GetCode(), Message: d.GetMessage(), NextTry: timeOf(d.GetNextTry()),
		DetailsExpired: d.GetDetailsExpired(),
	}
	for _, o := range d.GetObjects() {
		line.Objects = append(line.Objects, objectLineOf(o))
	}
	return line
}

// recordLine is a batch of the ledger for programs.
type recordLine struct {
	State string `json:"state"`
	objectLine
	Prefix        string     `json:"prefix"`
	SealedAt      *time.Time `json:"sealed_at,omitempty"`
	FirstReceived *time.Time `json:"first_received,omitempty"`
	LastReceived  *time.Time `json:"last_received,omitempty"`
	Attempts      uint32     `json:"attempts,omitempty"`
	LastError     string     `json:"last_error,omitempty"`
	Partition     uint32     `json:"partition"`
	Cursor        string     `json:"cursor,omitempty"` // of watch: where to go on
}

func recordLineOf(r *destinationsv1.DeliveryRecord) recordLine {
	return recordLine{
		State: deliveryStateName(r.GetState()), objectLine: objectLineOf(r.GetObject()), Prefix: r.GetDestination().GetPrefix(),
		SealedAt: timeOf(r.GetSealedAt()), FirstReceived: timeOf(r.GetFirstReceived()), LastReceived: timeOf(r.GetLastReceived()),
		Attempts: r.GetAttempts(), LastError: r.GetLastError(), Partition: r.GetPartition(),
	}
}

// recordCells are a batch's cells in a table: state, object, events, bytes, when, tries, error.
func recordCells(r *destinationsv1.DeliveryRecord) []string {
	at := r.GetObject().GetDeliveredAt()
	if at == nil {
		at = r.GetSealedAt()
	}
	size := ""
	if n := r.GetObject().GetSize(); n > 0 {
		size = roughSize(n)
	}
	return []string{
		deliveryStateName(r.GetState()), clock(at), objectName(r.GetObject()), thousands(r.GetObject().GetEvents()), size,
		number(uint64(r.GetAttempts())), failureOf(r.GetLastError()),
	}
}

func objectName(o *destinationsv1.DeliveredObject) string {
	return fmt.Sprintf("s3://%s/%s", o.GetBucket(), o.GetKey())
}
