package main

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	journalv1 "github.com/open-destinations/destinations/gen/destinations/journal/v1"
	"github.com/open-destinations/destinations/journal"
)

// dumpCmd prints records.
type dumpCmd struct {
	folderFlags `embed:""`

	Log       string `default:"events" enum:"events,control" help:"Which log: events (what was accepted) or control (what was decided); ${default}."`
	Partition int    `default:"-1" help:"The partition; ${default} is all of them."`
	From      uint64 `placeholder:"OFFSET" help:"Offset of the first record to be printed; by default where a replay begins."`
	Payloads  bool   `help:"Print the events' payloads too, as base64."`
}

// Validate refuses what no folder has.
func (c *dumpCmd) Validate() error {
	if c.Partition < -1 {
		return fmt.Errorf("--partition: %d, must be -1 or more", c.Partition)
	}
	return nil
}

// Run prints a line of JSON for each record, and one for each run of records that are
// damaged. Beside a service it ends about where the log does.
func (c *dumpCmd) Run(p *process) error {
	folder, err := journal.Examine(c.DataDir, nil)
	if err != nil {
		return err
	}
	defer folder.Close() // nothing was written
	if c.Partition >= folder.Partitions() {
		return fmt.Errorf("--partition: %d, the folder has 0 to %d", c.Partition, folder.Partitions()-1)
	}
	kind := journal.EventsLog
	if c.Log == "control" {
		kind = journal.ControlLog
	}
	d := &dumper{out: p.stdout, payloads: c.Payloads}
	for i := range folder.Partitions() {
		if c.Partition >= 0 && c.Partition != i {
			continue
		}
		for r, err := range folder.Records(i, kind, c.From) {
			if err != nil { // the other partitions can be printed all the same
				d.damaged = true
				fmt.Fprintf(p.stderr, "destinations journal dump: partition %d: %s\n", i, oneLine(unreadable(err)))
				break
			}
			if err := d.record(i, kind, r); err != nil {
				return err
			}
		}
	}
	if d.damaged {
		return &exitError{code: exitFailed}
	}
	return nil
}

// dumper writes records as lines of JSON.
type dumper struct {
	out      io.Writer
	payloads bool
	damaged  bool // something was
}

// dumpedRecord is a line.
type dumpedRecord struct {
	Partition   int           `json:"partition"`
	Log         string        `json:"log"`
	Offset      uint64        `json:"offset"`
	Unverified  bool          `json:"unverified,omitempty"` // found in damaged bytes
	LostUpTo    uint64        `json:"lost_up_to,omitempty"` // offset of the last record that is lost
	Error       string        `json:"error,omitempty"`
	Received    string        `json:"received,omitempty"` // RFC 3339
	Principal   string        `json:"principal,omitempty"`
	Sender      string        `json:"sender,omitempty"` // hexadecimal
	Sequence    uint64        `json:"sequence,omitempty"`
	Settled     uint64        `json:"settled,omitempty"`
	Events      []dumpedEvent `json:"events,omitempty"`
	Incarnation string        `json:"incarnation,omitempty"` // hexadecimal
	Decisions   []any         `json:"decisions,omitempty"`
}

// dumpedEvent is an event of it.
type dumpedEvent struct {
	Index   uint32 `json:"index"` // in the request
	Tenant  string `json:"tenant,omitempty"`
	Bucket  string `json:"bucket"`
	Prefix  string `json:"prefix"`
	ID      string `json:"id,omitempty"`
	Bytes   int    `json:"bytes"`
	Payload string `json:"payload,omitempty"` // base64
}

func (d *dumper) record(partition int, kind journal.Kind, r journal.Record) error {
	line := dumpedRecord{Partition: partition, Log: kind.String(), Offset: r.Offset}
	switch {
	case r.Lost != nil:
		d.damaged = true
		line.Error = r.Lost.Error()
		if r.Lost.To > r.Lost.From {
			line.LostUpTo = r.Lost.To - 1
		}
	case kind == journal.EventsLog:
		d.events(&line, r.Data)
	default:
		d.control(&line, r.Data)
	}
	return d.line(&line)
}

// line writes one.
func (d *dumper) line(line *dumpedRecord) error {
	encoder := json.NewEncoder(d.out)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(line)
}

func (d *dumper) events(line *dumpedRecord, data []byte) {
	var rec journalv1.Events
	if err := proto.Unmarshal(data, &rec); err != nil {
		line.Error, d.damaged = err.Error(), true
		return
	}
	if at := rec.GetReceivedUnixNanos(); at != 0 {
		line.Received = time.Unix(0, at).UTC().Format(time.RFC3339Nano)
	}
	line.Principal, line.Sender = rec.GetPrincipal(), hex.EncodeToString(rec.GetSenderId())
	line.Sequence, line.Settled = rec.GetSequence(), rec.GetSettled()
	for _, e := range rec.GetEvents() {
		event := dumpedEvent{Index: e.GetIndex(), ID: e.GetId(), Bytes: len(e.GetPayload())}
		if int(e.GetDestination()) < len(rec.GetDestinations()) {
			to := rec.GetDestinations()[e.GetDestination()]
			event.Tenant, event.Bucket, event.Prefix = to.GetTenant(), to.GetBucket(), to.GetPrefix()
		}
		if d.payloads {
			event.Payload = base64.StdEncoding.EncodeToString(e.GetPayload())
		}
		line.Events = append(line.Events, event)
	}
}

func (d *dumper) control(line *dumpedRecord, data []byte) {
	var rec journalv1.Control
	if err := proto.Unmarshal(data, &rec); err != nil {
		line.Error, d.damaged = err.Error(), true
		return
	}
	line.Incarnation = hex.EncodeToString(rec.GetIncarnation())
	for _, decision := range rec.GetDecisions() {
		line.Decisions = append(line.Decisions, readable(decision.ProtoReflect()))
	}
}

// readable is a message as it is printed: what is set in it, bytes in hexadecimal, enums
// by name, and times in RFC 3339 under their names without the unit.
func readable(m protoreflect.Message) map[string]any {
	fields := map[string]any{}
	m.Range(func(field protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		name, isTime := strings.CutSuffix(string(field.Name()), "_unix_nanos")
		switch {
		case isTime:
			fields[name] = time.Unix(0, v.Int()).UTC().Format(time.RFC3339Nano)
		case field.IsList():
			list := []any{}
			for i := range v.List().Len() {
				list = append(list, readableValue(field, v.List().Get(i)))
			}
			fields[name] = list
		default:
			fields[name] = readableValue(field, v)
		}
		return true
	})
	return fields
}

// readableValue is one value of a field.
func readableValue(field protoreflect.FieldDescriptor, v protoreflect.Value) any {
	switch field.Kind() {
	case protoreflect.MessageKind:
		return readable(v.Message())
	case protoreflect.BytesKind:
		return hex.EncodeToString(v.Bytes())
	case protoreflect.EnumKind:
		if value := field.Enum().Values().ByNumber(v.Enum()); value != nil {
			return string(value.Name())
		}
		return int32(v.Enum())
	}
	return v.Interface()
}
