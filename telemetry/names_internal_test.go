package telemetry

import (
	"fmt"
	"testing"
)

// However many principals come, there is a bounded number of series.
func TestPrincipalsAreBounded(t *testing.T) {
	var n names
	name := func(principal string) string {
		kind := n.of(principal)
		value, _ := kind.Value(keyPrincipal)
		return value.AsString()
	}
	for i := range 1000 {
		if got := name(fmt.Sprint("token:", i)); (got == otherName) != (i >= maxNames) {
			t.Fatalf("principal %d: got %s", i, got)
		}
	}
	if got := name("token:5"); got != "token:5" || len(n.known) != maxNames+1 {
		t.Errorf("got %s, %d names", got, len(n.known))
	}
}
