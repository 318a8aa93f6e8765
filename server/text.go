package server

import (
	"fmt"
	"strconv"
)

// bytesOver says by what numbers something is too large.
func bytesOver(n, limit int) string {
	return fmt.Sprintf("%s bytes, limit %s", thousands(n), limitText(limit))
}

// limitText is a limit in bytes, with its round name if it has one.
func limitText(limit int) string {
	switch {
	case limit >= 1<<20 && limit%(1<<20) == 0:
		return fmt.Sprintf("%s (%d MiB)", thousands(limit), limit>>20)
	case limit >= 1<<10 && limit%(1<<10) == 0:
		return fmt.Sprintf("%s (%d KiB)", thousands(limit), limit>>10)
	}
	return thousands(limit)
}

// thousands writes n, which is not negative, with a comma every three digits.
func thousands(n int) string {
	digits := strconv.Itoa(n)
	out := make([]byte, 0, len(digits)+len(digits)/3)
	for i := range len(digits) {
		if i > 0 && (len(digits)-i)%3 == 0 {
			out = append(out, ',')
		}
		out = append(out, digits[i])
	}
	return string(out)
}

// quoted is s for a message to people: without control characters, and cut
// where it is too long to be read.
func quoted(s string) string {
	const most = 100
	if len(s) <= most {
		return strconv.Quote(s)
	}
	return strconv.Quote(s[:most]) + "..."
}
