package bitfinex

import "strings"

// node is one step into the table: the segments that may come next, and the
// endpoint of the path that ends here. A tree is built once and never changes.
type node struct {
	literals   map[string]*node
	parameters []parameter
	endpoint   *Endpoint
}

// parameter is a segment that stands for many texts.
type parameter struct {
	segment string // as in the pattern
	accepts func(string) bool
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
	accepts := grammarOf(segment)
	if accepts == nil {
		if n.literals[segment] == nil {
			if n.literals == nil {
				n.literals = make(map[string]*node)
			}
			n.literals[segment] = &node{}
		}
		return n.literals[segment]
	}
	for _, p := range n.parameters {
		if p.segment == segment {
			return p.next
		}
	}
	next := &node{}
	n.parameters = append(n.parameters, parameter{segment, accepts, next})
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
	if next := n.literals[segment]; next != nil {
		return next
	}
	for _, p := range n.parameters {
		if p.accepts(segment) {
			return p.next
		}
	}
	return nil
}
