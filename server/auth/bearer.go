package auth

import "strings"

// unreadable is a bearer token that nobody has.
const unreadable = "-"

// BearerOf is the bearer token in the values of an Authorization header; "" if there is
// none. What is something else than one "Bearer TOKEN" is a token that is not valid: who
// shows anything is judged by it.
func BearerOf(values []string) string {
	if len(values) == 0 {
		return ""
	}
	scheme, token, _ := strings.Cut(values[0], " ")
	token = strings.Trim(token, " ")
	if len(values) > 1 || !strings.EqualFold(scheme, "bearer") || token == "" {
		return unreadable
	}
	return token
}
