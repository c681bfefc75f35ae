//go:build !race

package campaign_test

const underRace = false
