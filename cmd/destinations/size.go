package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// byteSize is a number of bytes, written 16777216, 16384KiB or 16MiB.
type byteSize int64

// byteUnits are the units that a size may be written in, largest first. Decimal
// units are left out: half of those who write MB mean MiB.
var byteUnits = [...]struct {
	name  string
	bytes int64
}{
	{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"B", 1},
}

// UnmarshalText reads a whole number with an optional unit.
func (s *byteSize) UnmarshalText(text []byte) error {
	number, unit := string(text), int64(1)
	for _, u := range byteUnits {
		if rest, ok := strings.CutSuffix(number, u.name); ok {
			number, unit = strings.TrimRight(rest, " "), u.bytes
			break
		}
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n < 0 {
		return fmt.Errorf("%q is not a size: want a whole number and B, KiB, MiB, GiB or TiB, such as 128MiB", text)
	}
	if n > math.MaxInt64/unit {
		return fmt.Errorf("%q is too large a size", text)
	}
	*s = byteSize(n * unit)
	return nil
}

// String writes the size in the largest unit that divides it.
func (s byteSize) String() string {
	for _, u := range byteUnits {
		if s != 0 && int64(s)%u.bytes == 0 {
			return strconv.FormatInt(int64(s)/u.bytes, 10) + u.name
		}
	}
	return "0B"
}
