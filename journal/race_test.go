//go:build race

package journal_test

// powerLosses is how many times the power fails in TestPowerFailsAnywhere.
const powerLosses = 500
