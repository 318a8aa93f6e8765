package telemetry

import (
	"sync"

	"go.opentelemetry.io/otel/attribute"
)

// maxNames is how many principals have series of their own.
const maxNames = 100

// otherName is what those have together that came later.
const otherName = "other"

// names are attributes of principals, of which there may be any number.
type names struct {
	mu    sync.Mutex
	known map[string]attribute.Set
}

// of is the attribute of a principal.
func (n *names) of(principal string) attribute.Set {
	n.mu.Lock()
	defer n.mu.Unlock()
	if found, ok := n.known[principal]; ok {
		return found
	}
	if len(n.known) >= maxNames {
		principal = otherName // which takes one more place
		if found, ok := n.known[principal]; ok {
			return found
		}
	}
	if n.known == nil {
		n.known = map[string]attribute.Set{}
	}
	n.known[principal] = attributes(keyPrincipal, principal)
	return n.known[principal]
}
