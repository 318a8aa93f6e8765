package auth

import "context"

// AskIssuer asks the issuer for its keys, however short ago that was done.
func (g *Gate) AskIssuer(ctx context.Context) {
	g.issuer.asking <- struct{}{}
	g.issuer.asked = g.issuer.asked.Add(-keysFor)
	<-g.issuer.asking
	g.askIssuer(ctx)
}
