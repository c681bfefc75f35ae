package bitfinex

import "strings"

// node is one step into the table: the segments that may come next, and the
// endpoint of the path that ends here. A tree is built once and never changes.
type node struct {
	literals   []edge
	parameters []edge
	endpoint   *Endpoint
}

// edge is a segment and what comes after it.
type edge struct {
	segment string            // as in the pattern
	accepts func(string) bool // of a parameter
	next    *node
}

// The trees of the two tables.
var (
	pathsV2 = newTree(endpointsV2[:])
	pathsV1 = newTree(endpointsV1[:])
)

func newTree(endpoints []Endpoint) *node {
	root := &node{}
	for i := range endpoints {
		at := root
		for segment := range strings.SplitSeq(endpoints[i].Pattern, "/") {
			at = at.grow(segment)
		}
		at.endpoint = &endpoints[i]
	}
	return root
}

// grow returns the node that segment leads to, made if it is new.
func (n *node) grow(segment string) *node {
	edges, accepts := &n.literals, grammarOf(segment)
	if accepts != nil {
		edges = &n.parameters
	}
	for _, e := range *edges {
		if e.segment == segment {
			return e.next
		}
	}
	next := &node{}
	*edges = append(*edges, edge{segment, accepts, next})
	return next
}

// match returns the endpoint that path names from n on, or nil. Literals win
// over parameters, and earlier lines of the table over later ones. A literal
// never looks like a parameter's value, so there is no way back to search.
func (n *node) match(path string) *Endpoint {
	segment, rest, more := strings.Cut(path, "/")
	next := n.step(segment)
	switch {
	case next == nil:
		return nil
	case more:
		return next.match(rest)
	default:
		return next.endpoint
	}
}

func (n *node) step(segment string) *node {
	for _, e := range n.literals {
		if e.segment == segment {
			return e.next
		}
	}
	for _, e := range n.parameters {
		if e.accepts(segment) {
			return e.next
		}
	}
	return nil
}
