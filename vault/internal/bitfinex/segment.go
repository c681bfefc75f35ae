package bitfinex

import (
	"strings"

	"bfxvault/vault/policy"
)

// grammarOf returns the check of a parameter segment, nil for a literal one.
func grammarOf(segment string) func(string) bool {
	switch segment {
	case "{symbol}":
		return isSymbol
	case "{currency}":
		return isCurrency
	case "{algoOrderId}":
		return isID
	case "{key}": // of info/funding, whose list is the funding symbols
		return isFundingSymbol
	case "{symbol}:{id}":
		return isSymbolAndID
	case "price:{symbol}:{price}", "{type}:{symbol}:{price}": // the list of {type} is "price"
		return isPriceAlert
	default:
		return nil
	}
}

// symbolIn returns the symbol in a segment that a parameter accepted, nothing where
// that parameter holds none.
func symbolIn(parameter, segment string) string {
	switch parameter {
	case "{symbol}", "{key}":
		return segment
	case "{symbol}:{id}":
		return segment[:strings.LastIndexByte(segment, ':')]
	case "price:{symbol}:{price}", "{type}:{symbol}:{price}":
		return segment[len("price:"):strings.LastIndexByte(segment, ':')]
	}
	return ""
}

// isSymbol: [tf][A-Z0-9]{3,}(:[A-Z0-9]+)?
func isSymbol(s string) bool {
	if s == "" || s[0] != 't' && s[0] != 'f' {
		return false
	}
	first, second, both := strings.Cut(s[1:], ":")
	return len(first) >= 3 && isUpperOrDigit(first) && (!both || isUpperOrDigit(second))
}

func isFundingSymbol(s string) bool {
	return isSymbol(s) && s[0] == 'f'
}

// isCurrency: [A-Z0-9]{2,12}
func isCurrency(s string) bool {
	return len(s) >= 2 && len(s) <= 12 && isUpperOrDigit(s)
}

// isID: [1-9][0-9]{0,17}
func isID(s string) bool {
	return len(s) <= 18 && isDigits(s) && s[0] != '0'
}

// isSymbolAndID splits at the last colon, for a symbol may hold one itself.
func isSymbolAndID(s string) bool {
	i := strings.LastIndexByte(s, ':')
	return i >= 0 && isSymbol(s[:i]) && isID(s[i+1:])
}

// isPriceAlert: price:{symbol}:{price}, the last colon before the price.
func isPriceAlert(s string) bool {
	s, ok := strings.CutPrefix(s, "price:")
	i := strings.LastIndexByte(s, ':')
	return ok && i >= 0 && isSymbol(s[:i]) && isDecimal(s[i+1:])
}

func isDecimal(s string) bool {
	_, ok := policy.ParseDecimal(s)
	return ok
}

// isUpperOrDigit: [A-Z0-9]+
func isUpperOrDigit(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < 'A' || c > 'Z') && (c < '0' || c > '9') {
			return false
		}
	}
	return s != ""
}

// isDigits: [0-9]+
func isDigits(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < '0' || c > '9' {
			return false
		}
	}
	return s != ""
}
