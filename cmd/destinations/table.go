package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"google.golang.org/protobuf/types/known/timestamppb"
)

// table is for people: columns of text, of which those of the header are the names.
type table struct {
	header []string
	rows   [][]string
}

// add adds a row. A cell with nothing in it shows as "-".
func (t *table) add(cells ...string) {
	for i, cell := range cells {
		if cells[i] = plain(cell); cells[i] == "" {
			cells[i] = "-"
		}
	}
	t.rows = append(t.rows, cells)
}

// dropFirst drops the first column.
func (t *table) dropFirst() {
	t.header = t.header[1:]
	for i := range t.rows {
		t.rows[i] = t.rows[i][1:]
	}
}

// print prints the table; nothing if it has no row.
func (t *table) print(w io.Writer) error {
	if len(t.rows) == 0 {
		return nil
	}
	columns := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, row := range append([][]string{t.header}, t.rows...) {
		fmt.Fprintln(columns, strings.Join(row, "\t")) // an error is Flush's too
	}
	if err := columns.Flush(); err != nil {
		return fmt.Errorf("standard output: %w", err)
	}
	return nil
}

// plain is text without what would move the cursor: names and messages come from
// others.
func plain(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, text)
}

// thousands writes n with a comma every three digits.
func thousands(n uint64) string {
	digits := strconv.FormatUint(n, 10)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// roughSize writes a number of bytes with one decimal, in the largest unit that
// leaves one before the point.
func roughSize(n uint64) string {
	for _, u := range byteUnits {
		if u.bytes > 1 && n >= uint64(u.bytes) {
			return strconv.FormatFloat(float64(n)/float64(u.bytes), 'f', 1, 64) + u.name
		}
	}
	return strconv.FormatUint(n, 10) + "B"
}

// roughTime writes a duration in its two largest units: 5m3s, 2h10m, 3d4h.
func roughTime(d time.Duration) string {
	const day = 24 * time.Hour
	switch d = max(0, d); {
	case d < time.Minute:
		return fmt.Sprintf("%ds", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%dm%ds", d/time.Minute, d%time.Minute/time.Second)
	case d < day:
		return fmt.Sprintf("%dh%dm", d/time.Hour, d%time.Hour/time.Minute)
	}
	return fmt.Sprintf("%dd%dh", d/day, d%day/time.Hour)
}

// timeOf is a time that may be unset, in UTC.
func timeOf(t *timestamppb.Timestamp) *time.Time {
	if t == nil {
		return nil
	}
	at := t.AsTime()
	return &at
}

// clock writes a time that may be unset, to the second.
func clock(t *timestamppb.Timestamp) string {
	if t == nil {
		return ""
	}
	return t.AsTime().Format("2006-01-02 15:04:05Z")
}
