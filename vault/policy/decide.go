package policy

// Grant says that a bot may use one API key, and for what.
type Grant struct {
	// Allow is the set of classes that may be signed.
	Allow Class
}

// Decision is the outcome of judging one request.
type Decision struct {
	Allowed bool
	// Rule names what denied, in the words of the policy file: "allow" or
	// "endpoints". Empty when allowed.
	Rule string
	// Reason says why in a sentence that holds nothing of the request but its
	// endpoint's class. Empty when allowed.
	Reason string
}

// Decide judges a request against the grant that a bot holds on an API key. A
// nil grant denies. The same input always gives the same decision (P3).
func Decide(g *Grant, r *Request) Decision {
	switch {
	case g == nil:
		return deny("allow", "there is no grant")
	case r.Class == 0:
		return deny("endpoints", "this endpoint mints or revokes credentials and is signed for nobody")
	case g.Allow&r.Class != r.Class:
		return deny("allow", reasonFor(r.Class))
	case r.ByName:
		return deny("endpoints", "this endpoint must be named in the grant, not only its class")
	}
	return Decision{Allowed: true}
}

func deny(rule, reason string) Decision { return Decision{Rule: rule, Reason: reason} }

// reasonFor spares the signing path an allocation: the sentences are constants.
func reasonFor(c Class) string {
	switch c {
	case Read:
		return "the grant does not allow read"
	case Trade:
		return "the grant does not allow trade"
	case Cancel:
		return "the grant does not allow cancel"
	case Funding:
		return "the grant does not allow funding"
	case Withdraw:
		return "the grant does not allow withdraw"
	case Settings:
		return "the grant does not allow settings"
	}
	return "the request needs more than one class" // unreachable: an endpoint has exactly one
}
