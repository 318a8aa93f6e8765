package server

import (
	"bytes"
	"encoding/json"
	"io"
	"reflect"
	"strings"
	"testing"
)

func TestToLine(t *testing.T) {
	tests := []struct{ name, payload, line, problem string }{
		{"no line break", `  { "a" : 1 }  `, `  { "a" : 1 }  `, ""},
		{"not JSON, no line break", "hello, \x00\xff world", "hello, \x00\xff world", ""},
		{"other separators are no line breaks", "a\u2028b\u0085c\vd\fe", "a\u2028b\u0085c\vd\fe", ""},
		{"trailing LF", "{\"a\": 1}\n", `{"a":1}`, ""},
		{"CRLF", "{\r\n\t\"a\": 1\r\n}", `{"a":1}`, ""},
		{"CR alone", "[1,\r2]", `[1,2]`, ""},
		{"big numbers stay", "[123456789012345678901234567890, 1.0, 1e400, -0, 0.10\n]", `[123456789012345678901234567890,1.0,1e400,-0,0.10]`, ""},
		{"escapes stay", "[\"\\u00e9\\n\\/\\u2028<>&\", \"\u2028\u2029\"\n]", "[\"\\u00e9\\n\\/\\u2028<>&\",\"\u2028\u2029\"]", ""},
		{"lone surrogates stay", "[\"\\ud800\"\n]", `["\ud800"]`, ""},
		{"order and repetition of keys stay", "{\"b\":1,\n\"a\":2, \"b\":3}", `{"b":1,"a":2,"b":3}`, ""},
		{"what is not UTF-8 in a string stays", "[\"\xff\xc0\"\n]", "[\"\xff\xc0\"]", ""},
		{"spaces in strings stay", "[\" a  b\\t \"\n ]", `[" a  b\t "]`, ""},
		{"a bare value", "\n 42 \n", "42", ""},
		{"text", "hello\n", "", "line break at byte 5, and not one JSON value"},
		{"a line break alone", "\n", "", "line break at byte 0, and not one JSON value"},
		{"two values", "{}\n{}", "", "line break at byte 2, and not one JSON value"},
		{"a raw line break in a string", "\"a\nb\"", "", "line break at byte 2, and not one JSON value"},
		{"cut off", "{\"a\":\n", "", "line break at byte 5"},
		{"byte order mark", "\ufeff{}\n", "", "not one JSON value"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			line, err := toLine([]byte(tt.payload))
			if string(line) != tt.line || (err == nil) != (tt.problem == "") {
				t.Errorf("got %q, %v; want %q, %q", line, err, tt.line, tt.problem)
			} else if err != nil && !strings.Contains(err.Error(), tt.problem) {
				t.Errorf("got %v, want %q in it", err, tt.problem)
			}
		})
	}
}

func TestReasonHoldsNothingOfThePayload(t *testing.T) {
	for _, payload := range []string{"qqq\n", "{\"a\":qqq\n}", "[\"\\q\"\n]"} {
		if _, err := toLine([]byte(payload)); err == nil || strings.Contains(err.Error(), "q") {
			t.Errorf("%q: got %v, want an error without a byte of it", payload, err)
		}
	}
}

// tokensOf are the JSON tokens of b, or false if b is not one JSON value.
func tokensOf(b []byte) ([]json.Token, bool) {
	if !json.Valid(b) {
		return nil, false
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var all []json.Token
	for {
		token, err := d.Token()
		if err == io.EOF {
			return all, true
		}
		if err != nil {
			return nil, false
		}
		all = append(all, token)
	}
}

// withoutSpace is JSON without what is insignificant in it, byte by byte.
func withoutSpace(b []byte) []byte {
	var out []byte
	inString, escaped := false, false
	for _, c := range b {
		if !inString && (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
			continue
		}
		out = append(out, c)
		switch {
		case escaped:
			escaped = false
		case inString && c == '\\':
			escaped = true
		case c == '"':
			inString = !inString
		}
	}
	return out
}

func FuzzToLine(f *testing.F) {
	for _, seed := range []string{"{\"a\": [1, 2.50e+3, \"\\u00e9\"]}\n", "a\nb", "\r", "{}\r\n{}", "[\"\xff\u2028\"\n]", "{\"a\":1,\n\"a\":12345678901234567890}"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		line, err := toLine(payload)
		broken := bytes.ContainsAny(payload, "\n\r")
		want, isJSON := tokensOf(payload)
		switch {
		case !broken && (err != nil || !bytes.Equal(line, payload)):
			t.Fatalf("%q: got %q, %v; want it unchanged", payload, line, err)
		case broken && (err == nil) != isJSON:
			t.Fatalf("%q: got %q, %v; JSON is %v", payload, line, err, isJSON)
		case !broken || err != nil:
			return
		}
		if bytes.ContainsAny(line, "\n\r") || !bytes.Equal(line, withoutSpace(payload)) {
			t.Errorf("%q: got %q", payload, line)
		}
		if got, _ := tokensOf(line); !reflect.DeepEqual(got, want) {
			t.Errorf("%q: got tokens %v, want %v", payload, got, want)
		}
	})
}
