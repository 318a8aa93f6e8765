package server

// traceContextBytes is the size of a trace context in the journal: trace id (16),
// span id (8), flags (1).
const traceContextBytes = 25

// maxTracestateBytes is the size of the longest tracestate that is kept.
const maxTracestateBytes = 512

// W3C Trace Context (www.w3.org/TR/trace-context-2): "00-", 32 hexadecimal
// digits, "-", 16, "-", 2. A later version may go on behind another "-".
const (
	traceparentBytes  = 55
	sampledFlag       = 0x01
	randomTraceIDFlag = 0x02
)

// parseTraceparent parses a traceparent strictly, and reports whether it is
// valid. Flags that the standard has not given a meaning are cleared; of a
// later version only the sampled flag is known to mean the same.
func parseTraceparent[T []byte | string](s T) (tc [traceContextBytes]byte, ok bool) {
	if len(s) < traceparentBytes || s[2] != '-' || s[35] != '-' || s[52] != '-' {
		return tc, false
	}
	var version, flags [1]byte
	ok = hexDecode(version[:], s[:2]) && hexDecode(tc[:16], s[3:35]) &&
		hexDecode(tc[16:24], s[36:52]) && hexDecode(flags[:], s[53:55])
	switch {
	case !ok, version[0] == 0xff, allZero(tc[:16]), allZero(tc[16:24]):
		return tc, false
	case version[0] == 0:
		tc[24] = flags[0] & (sampledFlag | randomTraceIDFlag)
		return tc, len(s) == traceparentBytes
	}
	tc[24] = flags[0] & sampledFlag
	return tc, len(s) == traceparentBytes || s[traceparentBytes] == '-'
}

// hexDecode decodes lower-case hexadecimal digits into dst, which has room for
// exactly as many.
func hexDecode[T []byte | string](dst []byte, digits T) bool {
	for i := range dst {
		high, low := hexDigit(digits[2*i]), hexDigit(digits[2*i+1])
		if high|low > 0xf {
			return false
		}
		dst[i] = high<<4 | low
	}
	return true
}

// hexDigit is the value of a lower-case hexadecimal digit, or 0xff.
func hexDigit(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10
	}
	return 0xff
}

func allZero(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}
