package server

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxPrefixBytes is the size of the longest prefix, completed. What follows it in
// a key has 101 bytes, so a key stays under Amazon S3's 1,024.
const maxPrefixBytes = 900

// CheckPrefix completes a prefix, so that it is empty or ends with "/", and says
// which rule it breaks if it does: at most 900 bytes of UTF-8 when completed, no
// control characters, no segment "." or "..". The error's text holds nothing of
// the prefix.
func CheckPrefix(raw string) (completed string, err error) {
	size := len(raw)
	if raw != "" && !strings.HasSuffix(raw, "/") {
		size++
	}
	if size > maxPrefixBytes {
		return "", fmt.Errorf("%s when completed with \"/\"", bytesOver(size, maxPrefixBytes))
	}
	if !utf8.ValidString(raw) {
		return "", errors.New("must be UTF-8")
	}
	if at := strings.IndexFunc(raw, unicode.IsControl); at >= 0 {
		r, _ := utf8.DecodeRuneInString(raw[at:])
		return "", fmt.Errorf("control character %U at byte %d", r, at)
	}
	at := 0
	for segment := range strings.SplitSeq(raw, "/") {
		if segment == "." || segment == ".." {
			return "", fmt.Errorf("must not have a segment %q, as at byte %d", segment, at)
		}
		at += len(segment) + 1
	}
	if size > len(raw) {
		return raw + "/", nil
	}
	return raw, nil
}
