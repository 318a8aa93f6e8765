package auth

import "context"

// AskIssuer asks the issuer for its keys, however short ago that was done.
func (g *Gate) AskIssuer(ctx context.Context) {
	g.issuer.mu.Lock()
	g.issuer.mu.asked = g.issuer.mu.asked.Add(-keysFor)
	g.issuer.mu.Unlock()
	g.askIssuer(ctx)
}
