package policy

// What an operation could make of an order: the amount and the prices that rules
// judge.

// amount is what an operation asks for, without sign. An update is judged as the
// largest order that it could lead to: nobody knows in which order updates arrive,
// or whether earlier ones did.
func (o *Op) amount() (Decimal, bool) {
	switch {
	case o.Flags&FlagClose != 0:
		return Decimal{}, false // it closes the whole position, whatever amount it names
	case o.Action != Update:
		return o.Amount.Abs(), o.Amount.Set
	case o.Was == nil:
		return Decimal{}, false
	}
	amount := o.Became().Amount
	return amount, amount != maxDecimal
}

// isOCO says whether an order brings a stop order along.
func (o *Op) isOCO() bool { return o.Flags&FlagOCO != 0 || o.StopPrice.Set }

// prices are the lowest and highest price that an operation could lead to; false
// where one is missing, not positive, or stays open.
func (o *Op) prices() (low, high Decimal, ok bool) {
	switch o.Action {
	case Submit, Update:
	default:
		return Decimal{}, Decimal{}, false
	}
	if o.Action == Update && o.Was == nil {
		return Decimal{}, Decimal{}, false
	}
	order := o.Became()
	return order.Low, order.High, order.Low.IsPositive()
}

// Became is what is to be remembered of an order after this Submit, or after this
// Update of an order that is known. Its Symbol is the request's own bytes.
func (o *Op) Became() Order {
	order := Order{Symbol: o.Symbol, Type: o.Type, Amount: o.Amount.Abs()}
	if o.Flags&FlagClose != 0 {
		order.Amount = maxDecimal
	}
	if o.Action == Update {
		order = *o.Was
		if o.Amount.Set && o.Amount.CmpAbs(order.Amount) > 0 {
			order.Amount = o.Amount.Abs()
		}
		if o.Delta.Set {
			order.Amount = order.Amount.AddAbs(o.Delta.Decimal)
		}
		if o.Flags&FlagClose != 0 {
			order.Amount = maxDecimal
		}
		if !order.Low.IsPositive() {
			return order // stays open, whatever price is named now
		}
	}
	judged := order.Low.IsPositive()
	for _, p := range [...]Optional{o.Price, o.AuxPrice} {
		switch {
		case !p.Set:
			continue
		case !p.IsPositive():
			order.Low, order.High = Decimal{}, Decimal{}
			return order
		case !judged:
			order.Low, order.High, judged = p.Decimal, p.Decimal, true
		}
		if p.Cmp(order.Low) < 0 {
			order.Low = p.Decimal
		}
		if p.Cmp(order.High) > 0 {
			order.High = p.Decimal
		}
	}
	lacking := o.Action == Submit && (!o.Price.Set || order.Type&stopLimits != 0 && !o.AuxPrice.Set)
	if lacking || order.Type.IsOpen() || o.Trailing.Set || o.isOCO() {
		order.Low, order.High = Decimal{}, Decimal{}
	}
	return order
}

// Notional is what an operation is worth: amount times price in the currency that
// it is paid in, and for a funding offer the amount itself. It is false where that
// cannot be told, and rounded up at the 18th place.
func (o *Op) Notional() (currency []byte, value Decimal, ok bool) {
	base, quote, ok := Currencies(o.Symbol)
	if !ok {
		return nil, Decimal{}, false
	}
	amount, known := o.amount()
	if o.Action == Offer {
		return base, amount, known && quote == nil
	}
	_, high, priced := o.prices()
	if !known || !priced || quote == nil {
		return nil, Decimal{}, false
	}
	return quote, amount.MulUp(high), true
}
