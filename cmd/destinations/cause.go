package main

import (
	"regexp"
	"strings"
)

// Before what AWS or the network said stand the request and the object's key, which fill
// a line, and AWS's code, which has a column of its own. The patterns find where that
// ends, in the words of the uploader, of the SDK and of Go's HTTP client.
var (
	requested = regexp.MustCompile(`(?s)^[A-Za-z]+ s3://.*?\.gz: `)
	answered  = regexp.MustCompile(`(?s)^(\S+) \((status \d+(?:, request [^)]*)?)\)(?:: (.*))?$`)
	deadFor   = regexp.MustCompile(`(?s)^(refused \d+ times|tried since \S+): ([^\s:]*): (.*)$`)
)

// causeOf is what AWS or the network said of a failure of that code. If they said nothing
// it is the status and the request's number.
func causeOf(code, message string) string {
	message = requested.ReplaceAllString(message, "")
	if m := answered.FindStringSubmatch(message); m != nil && m[1] == code {
		if m[3] != "" {
			return m[3]
		}
		return m[2]
	}
	for _, before := range []string{"api error " + code + ": ", `": `} {
		if at := strings.LastIndex(message, before); at >= 0 {
			return message[at+len(before):]
		}
	}
	if at := strings.LastIndex(message, " ... "); at >= 0 && strings.Contains(message[:at], " s3://") {
		return message[at+1:] // the service has taken the middle out
	}
	return message
}

// reasonOf is why a batch is dead, with no more of its last failure than causeOf leaves.
func reasonOf(reason string) string {
	m := deadFor.FindStringSubmatch(reason)
	if m == nil {
		return reason
	}
	return m[1] + ": " + m[2] + ": " + causeOf(m[2], m[3])
}

// failureOf is a batch's last error, the same way.
func failureOf(text string) string {
	if requested.MatchString(text) {
		return causeOf("", text)
	}
	return reasonOf(text)
}
