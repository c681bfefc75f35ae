package bitfinex

import "strings"

// node is one step into the table: the segments that may come next, and the
// endpoint of the path that ends here, with the form of its body if it has one. A
// tree is built once and never changes.
type node struct {
	literals   []edge
	parameters []edge
	endpoint   *Endpoint
	form       *form
}

// edge is a segment and what comes after it.
type edge struct {
	segment string            // as in the pattern
	accepts func(string) bool // of a parameter
	next    *node
}

// The trees of the two tables.
var (
	pathsV2 = newTree(endpointsV2[:], formsV2)
	pathsV1 = newTree(endpointsV1[:], formsV1)
)

func newTree(endpoints []Endpoint, forms map[string]*form) *node {
	root := &node{}
	for i := range endpoints {
		at := root
		for segment := range strings.SplitSeq(endpoints[i].Pattern, "/") {
			at = at.grow(segment)
		}
		at.endpoint = &endpoints[i]
		at.form = forms[endpoints[i].Pattern]
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

// match returns where path ends from n on, or nil, and the symbol that it names.
// Literals win over parameters, and earlier lines of the table over later ones. A
// literal never looks like a parameter's value, so there is no way back to search.
func (n *node) match(path string) (end *node, symbol string) {
	for more := true; more; {
		var segment string
		segment, path, more = strings.Cut(path, "/")
		e := n.step(segment)
		if e == nil {
			return nil, ""
		}
		if e.accepts != nil {
			symbol = symbolIn(e.segment, segment)
		}
		n = e.next
	}
	if n.endpoint == nil {
		return nil, ""
	}
	return n, symbol
}

func (n *node) step(segment string) *edge {
	for i := range n.literals {
		if n.literals[i].segment == segment {
			return &n.literals[i]
		}
	}
	for i := range n.parameters {
		if n.parameters[i].accepts(segment) {
			return &n.parameters[i]
		}
	}
	return nil
}
