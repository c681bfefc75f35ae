// Package policy decides who may have what signed. It is pure: no clock, no
// disk, no network, and no other package of ours.
//
// Use Match.Matches to find the bots that a caller is, and Decide to judge a
// Request against the Grant that a bot holds.
//
// Traps: Matches has no opinion on an empty Match, which is refused where a
// match is stored (Match.Check) and matches nobody here. Decide judges the
// request as its parser described it; it never sees the bytes.
//
// Promise P3: deny by default. A nil grant, an empty grant and a class that no
// grant can hold all end in a denial.
package policy
