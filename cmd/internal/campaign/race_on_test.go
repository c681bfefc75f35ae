//go:build race

package campaign_test

// underRace: the race detector makes everything ten times slower, and looks for
// what the tenth of the tries shows as well.
const underRace = true
