package bitfinex

import (
	"bytes"
	"time"

	"bfxvault/vault/policy"
)

// word reads a text with a grammar. It is not empty and has no escapes.
func (rd *reader) word(f *field) bool {
	text := rd.text()
	switch f.grammar {
	case isWord:
		return rd.printable(f, text)
	case isType:
		t, ok := policy.ParseOrderType(text)
		rd.op.Type = t
		return ok || rd.refuse(f.name, "must be an order type, spelled as Bitfinex documents it")
	case isPair, isFund, isEither:
		return rd.symbol(f, text)
	case isMoney:
		if f.slot == slotCurrency {
			rd.op.Currency = text
		}
		return isMoneyText(text) || rd.refuse(f.name, "must be a currency")
	case isFundMoney:
		text = bytes.TrimPrefix(text, []byte("f")) // bfx-api-node-rest's own example has it
		rd.op.Symbol = rd.build("f", text)
		return isMoneyText(text) || rd.refuse(f.name, "must be a currency")
	case isMethod:
		if currency := currencyOf(text); currency != "" {
			rd.op.Currency = rd.build(currency, nil)
		}
		return rd.printable(f, text)
	case isDate:
		day, ok := dayOf(text)
		if f.slot == slotDay {
			rd.op.Day = day
		} else {
			rd.held.dayAgain = day
		}
		return ok || rd.refuse(f.name, "must be a date such as 2026-01-31")
	case isMoment:
		return isMomentText(text) || rd.refuse(f.name, "must be a date and time such as 2026-01-31 23:59:59")
	}
	return rd.wordV1(f, text)
}

// printable keeps a text of printable ASCII.
func (rd *reader) printable(f *field, text []byte) bool {
	for _, c := range text {
		if c <= ' ' || c > '~' {
			return rd.refuse(f.name, "must be printable ASCII without spaces")
		}
	}
	switch f.slot {
	case slotAddress:
		rd.op.Address = text
	case slotAffCode:
		rd.op.AffCode = text
	}
	return true
}

// maxCurrency is the length of the longest currency, and maxSymbol of the longest
// symbol, t and a colon included.
const (
	maxCurrency = 12
	maxSymbol   = 2*maxCurrency + 2
)

func isMoneyText(text []byte) bool { return len(text) <= maxCurrency && isCurrency(string(text)) }

// symbol keeps a symbol of the kind that f asks for.
func (rd *reader) symbol(f *field, text []byte) bool {
	ok := len(text) <= maxSymbol && isSymbol(string(text))
	if f.grammar == isPair {
		ok = ok && text[0] == 't'
	}
	if f.grammar == isFund {
		ok = ok && text[0] == 'f'
	}
	rd.op.Symbol = text
	return ok || rd.refuse(f.name, "must be a symbol such as tBTCUSD, or fUSD for funding")
}

// build writes a word to the request's scratch, text in upper case, and returns it.
func (rd *reader) build(prefix string, text []byte) []byte {
	r := rd.request
	start := len(r.Scratch)
	r.Scratch = append(r.Scratch, prefix...)
	for _, c := range text {
		if c >= 'a' && c <= 'z' {
			c -= 'a' - 'A'
		}
		r.Scratch = append(r.Scratch, c)
	}
	return r.Scratch[start:len(r.Scratch):len(r.Scratch)]
}

// currencyOf returns the currency of a withdrawal method, nothing where it is not
// certain. Source: docs.bitfinex.com/reference/rest-auth-withdraw.
func currencyOf(method []byte) string {
	switch string(method) {
	case "bitcoin":
		return "BTC"
	case "litecoin":
		return "LTC"
	case "ethereum":
		return "ETH"
	case "ethereumc":
		return "ETC"
	case "zcash":
		return "ZEC"
	case "monero":
		return "XMR"
	case "ripple":
		return "XRP"
	case "tetheruso", "tetherusl", "tetherusx", "tetheruss", "tetheruse":
		return "UST"
	}
	return ""
}

// dayOf reads a date, 2026-01-31, as days since 1970.
func dayOf(text []byte) (day int32, ok bool) {
	if len(text) != len("2006-01-02") || text[4] != '-' || text[7] != '-' {
		return 0, false
	}
	y, ok1 := number2(text[0:2])
	y2, ok2 := number2(text[2:4])
	m, ok3 := number2(text[5:7])
	d, ok4 := number2(text[8:10])
	y = y*100 + y2
	if !ok1 || !ok2 || !ok3 || !ok4 || y < 1970 {
		return 0, false
	}
	t := time.Date(y, time.Month(m), d, 0, 0, 0, 0, time.UTC)
	if t.Day() != d || t.Month() != time.Month(m) { // 31 April is 1 May to time.Date
		return 0, false
	}
	return int32(t.Unix() / (24 * 60 * 60)), true
}

// isMomentText: 2026-01-31 23:59:59, the one form that Bitfinex documents.
func isMomentText(text []byte) bool {
	if len(text) != len("2006-01-02 15:04:05") || text[10] != ' ' || text[13] != ':' || text[16] != ':' {
		return false
	}
	_, date := dayOf(text[:10])
	h, ok1 := number2(text[11:13])
	m, ok2 := number2(text[14:16])
	s, ok3 := number2(text[17:19])
	return date && ok1 && ok2 && ok3 && h < 24 && m < 60 && s < 60
}

// number2 reads two digits.
func number2(text []byte) (n int, ok bool) {
	for _, c := range text {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	return n, true
}
