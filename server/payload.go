package server

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// toLine returns the payload as it goes into the object: as it is, or, if it has
// a line break and is one JSON value, without the white space between tokens,
// which is where all its line breaks are. JSON's strings can't hold raw ones.
// Every other byte stays: number literals, escapes, the order and repetition of
// keys, and what is not UTF-8. More than 10,000 levels of nesting count as no
// JSON. The error's text says where, and holds nothing of the payload.
func toLine(payload []byte) ([]byte, error) {
	at := lineBreak(payload)
	if at < 0 {
		return payload, nil
	}
	var line bytes.Buffer
	if json.Compact(&line, payload) != nil {
		// The cause quotes the payload, and its offset is not set.
		return nil, fmt.Errorf("line break at byte %s, and not one JSON value", thousands(at))
	}
	return line.Bytes(), nil
}

// lineBreak is the place of the first LF or CR, or -1.
func lineBreak(payload []byte) int {
	lf := bytes.IndexByte(payload, '\n')
	head := payload
	if lf >= 0 {
		head = payload[:lf]
	}
	if cr := bytes.IndexByte(head, '\r'); cr >= 0 {
		return cr
	}
	return lf
}
