package auth

import (
	"fmt"
	"strings"
)

// Role is a set of things that a principal may do.
type Role uint8

// The roles. None of them holds another.
const (
	Send    Role = 1 << iota // send events, and ask what became of them
	Inspect                  // see how destinations are and what was delivered
	Operate                  // flush, redrive, export and discard

	AnyRole Role = Send | Inspect | Operate
)

// roleNames are the words of the grants file.
var roleNames = []struct {
	role Role
	name string
}{{Send, "send"}, {Inspect, "inspect"}, {Operate, "operate"}}

// String is the roles in the words of the grants file, joined by " or ".
func (r Role) String() string {
	var names []string
	for _, n := range roleNames {
		if r&n.role != 0 {
			names = append(names, n.name)
		}
	}
	return strings.Join(names, " or ")
}

// UnmarshalText reads one role.
func (r *Role) UnmarshalText(text []byte) error {
	for _, n := range roleNames {
		if n.name == string(text) {
			*r = n.role
			return nil
		}
	}
	return fmt.Errorf("role %q: must be send, inspect or operate", text)
}
