package server

// DecodeToken reads a token that a server with that key and journal has given.
func DecodeToken(key []byte, journal [16]byte, token string) (Token, error) {
	return newTokens(key, journal).decode(token)
}
