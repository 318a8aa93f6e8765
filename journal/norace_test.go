//go:build !race

package journal_test

const (
	// powerLosses is how many times the power fails in TestPowerFailsAnywhere.
	powerLosses = 10_000
	// crashSeeds is how many outcomes of each crash the sweeps look at.
	crashSeeds = 4
)
