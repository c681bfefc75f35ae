package policy

import "time"

// Decision is the outcome of judging one request.
type Decision struct {
	Allowed bool
	// Rule names what denied, in the words of the policy file. Empty when allowed.
	Rule string
	// Field is the part of the request that was judged: "path", or a field of the body.
	Field string
	// Op is the operation that was judged, from 0.
	Op int
	// Reason says why, in a sentence that holds nothing of the request. Empty when
	// allowed. Explain says more, for the operator.
	Reason string
}

// UnknownOrder is the Rule of a denial of an update that changes an order of which
// the vault does not know what it is.
const UnknownOrder = "unknown_order"

// Suspended is the Rule of a denial of whatever a suspended bot asks for.
const Suspended = "suspended"

// The Rules of a denial of whatever is asked of an API key of which no version is active.
const (
	Staged  = "staged"  // there is one to promote
	Retired = "retired" // the last was retired
	Revoked = "revoked" // the last was revoked, or the one that was to sign
)

// Inactive is the denial of whatever is asked of an API key of which no version is
// active, by one of the rules above.
func Inactive(rule string) Decision {
	switch rule {
	case Staged:
		return deny(Staged, "path", "no version of the API key is active, as after every restore: the operator runs vaultctl key promote LABEL")
	case Retired:
		return deny(Retired, "path", "the API key is retired: the operator runs vaultctl key rotate LABEL, then vaultctl key promote LABEL")
	}
	return deny(Revoked, "path", "the API key is revoked: the operator runs vaultctl key rotate LABEL, then vaultctl key promote LABEL")
}

// Ended is the denial of a request whose version ended before its signature was given.
func Ended() Decision {
	return deny(Revoked, "path", "the version of the API key that signed has ended meanwhile: ask again")
}

// StandIn is the Rule of a denial of a request that was signed with a stand-in credential,
// rightly, but not as that may be used; StandInNonce where another nonce would do.
const (
	StandIn      = "stand_in"
	StandInNonce = "stand_in_nonce"
)

// StandInExpired is the denial where the credential has expired.
func StandInExpired() Decision {
	return deny(StandIn, "stand_in", "the stand-in credential has expired: the operator runs vaultctl bot issue NAME")
}

// StandInOfAnother is the denial where it came from another user than it is bound to.
func StandInOfAnother() Decision {
	return deny(StandIn, "stand_in", "the stand-in credential is bound to another user than the request comes from")
}

// StandInStale is the denial where its nonce is not of now.
func StandInStale() Decision {
	return deny(StandInNonce, "nonce", "the nonce is not within a minute of now, or from before the vault was unlocked")
}

// StandInShown is the denial of a request that was shown before.
func StandInShown() Decision {
	return deny(StandInNonce, "nonce", "this request was shown before")
}

// Overtaken is the denial of an update whose order became unknown after it was
// judged.
func Overtaken() Decision {
	return deny(UnknownOrder, "cid", "another order with this cid was signed meanwhile")
}

// Now is the time by both clocks: the wall's, and what the time since boot makes of
// it. Whatever depends on the time is allowed only where both allow it (A40).
type Now struct{ Wall, Steady time.Time }

// Decide judges a request against the grant that a bot holds on an API key. A nil
// grant denies. The same input always gives the same decision (P3). It allocates
// nothing. What the grant's Limits say is not judged here.
func Decide(g *Grant, r *Request, now Now) Decision {
	switch {
	case g == nil:
		return deny("allow", "path", "there is no grant")
	case g.suspended:
		return deny(Suspended, "path", "the bot is suspended, as after every restore: the operator runs vaultctl policy apply or vaultctl bot enable NAME")
	case r.Class == 0:
		return deny("endpoints", "path", "this endpoint mints or revokes credentials and is signed for nobody")
	case r.Class&^g.allow != 0:
		return deny("allow", "path", reasonFor(r.Class&^g.allow))
	case r.ByName && !has(g.endpoints, r.Endpoint):
		return deny("endpoints", "path", "this endpoint must be named in the grant, not only its class")
	case !g.expires.IsZero() && !(now.Wall.Before(g.expires) && now.Steady.Before(g.expires)):
		return deny("expires", "path", "the grant has expired")
	case g.hours != nil && r.Class != Cancel && !(g.hours.include(now.Wall) && g.hours.include(now.Steady)):
		return deny("hours", "path", "it is outside the grant's hours")
	case g.symbols != nil && r.Symbol != "" && r.Class != Cancel && !has(g.symbols, r.Symbol):
		return deny("symbols", "path", "the grant does not list this symbol")
	}
	for _, name := range r.Unread {
		if !hasBytes(g.extraFields, name) {
			return deny("extra_fields", "body", "it has a field that is not known at this endpoint, or not in this spelling")
		}
	}
	for i := range r.Ops {
		if d := g.judge(&r.Ops[i]); !d.Allowed {
			d.Op = i
			return d
		}
	}
	return Decision{Allowed: true}
}

func deny(rule, field, reason string) Decision {
	return Decision{Rule: rule, Field: field, Reason: reason}
}

// judge applies the rules to one operation. A cancel passes them all: it reduces
// what a bot may do.
func (g *Grant) judge(o *Op) Decision {
	switch {
	case o.Class&^g.allow != 0:
		return deny("allow", "body", reasonFor(o.Class&^g.allow))
	case o.Class == Cancel:
		return Decision{Allowed: true}
	case o.Class == Withdraw:
		return g.judgeWithdrawal(o)
	case o.Action == Update && o.Was == nil && g.RemembersOrders():
		return deny(UnknownOrder, "id", "the vault does not know the order that this changes, so its rules cannot judge it")
	}
	for _, rule := range [...]func(*Grant, *Op) Decision{
		judgeSymbol, judgeFlags, judgeType, judgeLeverage, judgeAffCode, judgeAmount, judgeNotional, judgeBand,
	} {
		if d := rule(g, o); !d.Allowed {
			return d
		}
	}
	return Decision{Allowed: true}
}

func judgeSymbol(g *Grant, o *Op) Decision {
	switch {
	case g.symbols == nil, o.Class == Settings && o.Symbol == nil:
	case o.Symbol == nil:
		return deny("symbols", "body", "it names no symbol, and the grant lists some")
	case !hasBytes(g.symbols, o.Symbol):
		return deny("symbols", "symbol", "the grant does not list this symbol")
	}
	return Decision{Allowed: true}
}

func judgeType(g *Grant, o *Op) Decision {
	switch {
	case o.Action == Algo && g.orderTypes != nil:
		return deny("order_types", "type", "it places orders of a type that it does not name")
	case o.Action == Algo && !g.marketOrders:
		return deny("market_orders", "type", "it places orders whose price stays open, and the grant does not allow that")
	case o.isOCO() && g.orderTypes != nil && o.Type.stopOf()&^*g.orderTypes != 0:
		return deny("order_types", "price_oco_stop", "it brings a stop order along, which the grant does not list")
	case o.isOCO() && !g.marketOrders:
		return deny("market_orders", "price_oco_stop", "it brings a stop order along, whose price stays open, and the grant does not allow that")
	case o.Type == 0:
	case g.orderTypes != nil && o.Type&^*g.orderTypes != 0:
		return deny("order_types", "type", "the grant does not list this order type")
	case o.Type.IsOpen() && !g.marketOrders:
		return deny("market_orders", "type", "the price of such an order stays open, and the grant does not allow that")
	}
	return Decision{Allowed: true}
}

func judgeFlags(g *Grant, o *Op) Decision {
	if g.flags != nil && o.Flags&^*g.flags != 0 {
		return deny("flags", "flags", "the grant does not list one of these flags")
	}
	return Decision{Allowed: true}
}

// defaultLeverage is what Bitfinex takes for a derivative whose order names none
// (docs.bitfinex.com/reference/rest-auth-submit-order).
const defaultLeverage = 10

func judgeLeverage(g *Grant, o *Op) Decision {
	if g.maxLeverage == nil {
		return Decision{Allowed: true}
	}
	if o.Action == Other && o.Class == Trade && isDerivative(o.Symbol) {
		return deny("max_leverage", "symbol", "it changes a position in a derivative, and so its leverage, without naming that")
	}
	asked := o.Leverage
	if !asked.Set && o.Action == Submit && isDerivative(o.Symbol) {
		asked = Optional{NewDecimal(defaultLeverage), true}
	}
	if asked.Set && asked.Cmp(*g.maxLeverage) > 0 {
		return deny("max_leverage", "lev", "the leverage is above the grant's, or a derivative's order names none and gets 10")
	}
	return Decision{Allowed: true}
}

func judgeAffCode(g *Grant, o *Op) Decision {
	if g.affCodes != nil && o.AffCode != nil && !hasBytes(g.affCodes, o.AffCode) {
		return deny("aff_codes", "meta.aff_code", "the grant does not list this affiliate code")
	}
	return Decision{Allowed: true}
}

func judgeAmount(g *Grant, o *Op) Decision {
	if g.maxOrder == nil {
		return Decision{Allowed: true}
	}
	base, _, ok := Currencies(o.Symbol)
	amount, known := o.amount()
	if !ok || !known {
		return deny("max_order", "amount", "an amount in a currency that can be told is needed to judge it")
	}
	most, listed := g.maxOrder[string(base)]
	switch {
	case !listed:
		return deny("max_order", "symbol", "the grant sets no amount for this currency")
	case amount.CmpAbs(most) > 0:
		return deny("max_order", "amount", "the amount is above the grant's")
	}
	return Decision{Allowed: true}
}

func judgeNotional(g *Grant, o *Op) Decision {
	if g.maxNotional == nil && g.dailyNotional == nil {
		return Decision{Allowed: true}
	}
	rule := "max_notional"
	if g.maxNotional == nil {
		rule = "daily_notional"
	}
	currency, value, ok := o.Notional()
	if !ok {
		return deny(rule, "price", "a positive price, an amount and a currency that can be told are needed to judge it")
	}
	if g.maxNotional != nil {
		most, listed := g.maxNotional[string(currency)]
		switch {
		case !listed:
			return deny("max_notional", "symbol", "the grant sets no value for this currency")
		case value.CmpAbs(most) > 0:
			return deny("max_notional", "amount", "amount times price is above the grant's")
		}
	}
	if g.dailyNotional != nil {
		if _, listed := g.dailyNotional[string(currency)]; !listed {
			return deny("daily_notional", "symbol", "the grant sets no value a day for this currency")
		}
	}
	return Decision{Allowed: true}
}

func judgeBand(g *Grant, o *Op) Decision {
	if g.priceBand == nil {
		return Decision{Allowed: true}
	}
	band, listed := g.priceBand[string(o.Symbol)]
	low, high, ok := o.prices()
	switch {
	case !listed:
		return deny("price_band", "symbol", "the grant sets no band for this symbol")
	case !ok:
		return deny("price_band", "price", "positive prices are needed to judge it")
	case low.Cmp(band.low) < 0 || high.Cmp(band.high) > 0:
		return deny("price_band", "price", "a price is outside the grant's band")
	}
	return Decision{Allowed: true}
}

func (g *Grant) judgeWithdrawal(o *Op) Decision {
	if g.withdraw == nil {
		return Decision{Allowed: true}
	}
	if g.withdraw.addresses != nil && (o.Action != Withdrawal || !hasBytes(g.withdraw.addresses, o.Address)) {
		return deny("withdraw.addresses", "address", "the grant does not list this address, or it goes to none")
	}
	if g.withdraw.max != nil {
		most, listed := g.withdraw.max[string(o.Currency)]
		switch {
		case o.Currency == nil || !listed:
			return deny("withdraw.max", "currency", "the grant sets no amount for this currency, or it cannot be told")
		case !o.Amount.Set || o.Amount.CmpAbs(most) > 0:
			return deny("withdraw.max", "amount", "the amount is above the grant's")
		}
	}
	return Decision{Allowed: true}
}

// reasonFor spares the signing path an allocation: the sentences are constants.
func reasonFor(missing Class) string {
	switch missing & -missing {
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
	}
	return "the grant does not allow settings"
}

func has(set map[string]struct{}, word string) bool { _, ok := set[word]; return ok }

func hasBytes(set map[string]struct{}, word []byte) bool { _, ok := set[string(word)]; return ok }
