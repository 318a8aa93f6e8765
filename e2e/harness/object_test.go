package harness_test

import (
	"strings"
	"testing"

	"github.com/open-destinations/destinations/e2e/harness"
)

func TestKeysOfThePromisedFormOnly(t *testing.T) {
	id := strings.Repeat("0f", 32)
	tests := []struct {
		key    string
		prefix string
		ok     bool
	}{
		{"2019/05/25/16/2019-05-25-16-14-58-" + id + ".gz", "", true},
		{"test/2019/05/25/16/2019-05-25-16-14-58-" + id + ".gz", "test/", true},
		{"日本語/a/2019/05/25/16/2019-05-25-16-14-58-" + id + ".gz", "日本語/a/", true},
		{"a\nb/2019/05/25/16/2019-05-25-16-14-58-" + id + ".gz", "a\nb/", true},
		{"test2019/05/25/16/2019-05-25-16-14-58-" + id + ".gz", "", false},
		{"test/2019/05/25/17/2019-05-25-16-14-58-" + id + ".gz", "", false},
		{"test/2019/13/25/16/2019-13-25-16-14-58-" + id + ".gz", "", false},
		{"test/2019/05/25/16/2019-05-25-16-14-58-" + strings.ToUpper(id) + ".gz", "", false},
		{"test/2019/05/25/16/2019-05-25-16-14-58-" + id[2:] + ".gz", "", false},
		{"test/2019/05/25/16/2019-05-25-16-14-58-" + id, "", false},
	}
	for _, tt := range tests {
		o, err := harness.ParseKey("b", tt.key)
		if (err == nil) != tt.ok || o.Prefix != tt.prefix {
			t.Errorf("%q: got prefix %q and %v, want prefix %q and ok %t", tt.key, o.Prefix, err, tt.prefix, tt.ok)
		}
		if tt.ok && o.Time.Format("2006-01-02 15:04:05") != "2019-05-25 16:14:58" {
			t.Errorf("%q: got time %v", tt.key, o.Time)
		}
	}
}
