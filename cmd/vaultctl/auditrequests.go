package main

import (
	"context"
	"encoding/json"
	"io"
	"strings"
	"time"

	"bfxvault/vault/audit"
)

// rebuiltRequest is a line as policy test reads it. Its body holds what rules see and
// nothing else: the log has no bodies.
type rebuiltRequest struct {
	Bot     string    `json:"bot"`
	Key     string    `json:"key"`
	Path    string    `json:"path"`
	Body    any       `json:"body"`
	At      time.Time `json:"at"`
	Allowed bool      `json:"allowed"`
}

// exportRequests prints what can be rebuilt, and says how many could not be.
func (a *app) exportRequests(ctx context.Context, r *audit.Reader, w io.Writer, filter audit.Filter) error {
	filter.Op = "sign"
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	var lacking, unjudged uint64
	err := eachEntry(ctx, r, filter, func(e *audit.Entry) error {
		if e.Decision == audit.Refused {
			unjudged++
			return nil
		}
		request, ok := rebuild(e)
		if !ok {
			lacking += max(e.Count, 1)
			return nil
		}
		return encoder.Encode(request)
	})
	if lacking > 0 {
		a.warnf("left out, since the log does not hold what rules would see of them: %d", lacking)
	}
	if unjudged > 0 {
		a.warnf("left out, since they were refused before any rule: %d", unjudged)
	}
	return err
}

// rebuild makes the request of a record, as far as rules see it.
func rebuild(e *audit.Entry) (r rebuiltRequest, ok bool) {
	path, ok := pathOf(e)
	ops, err := opsOf(e)
	if !ok || err != nil || e.Bot == "" || e.Key == "" || e.Count > 0 || hasLost(e) {
		return r, false
	}
	body, ok := bodyOf(e.Endpoint, ops)
	return rebuiltRequest{e.Bot, e.Key, path, body, e.Time.UTC(), e.Decision == audit.Allowed}, ok
}

// hasLost says whether what was denied is not in its record: texts that nobody had
// checked.
func hasLost(e *audit.Entry) bool {
	return e.Decision != audit.Allowed &&
		(e.Rule == "extra_fields" || e.Rule == "aff_codes" || e.Endpoint == "v2/auth/w/withdraw")
}

// pathOf puts the symbol of a record into the pattern of its endpoint. Other parameters
// are not in the log.
func pathOf(e *audit.Entry) (path string, ok bool) {
	segments := strings.Split(e.Endpoint, "/")
	for i, s := range segments {
		switch {
		case (s == "{symbol}" || s == "{key}") && e.Symbol != "":
			segments[i] = e.Symbol
		case strings.Contains(s, "{"):
			return "", false
		}
	}
	return strings.Join(segments, "/"), e.Endpoint != ""
}

type object map[string]any

// bodyOf rebuilds the body of a request to an endpoint.
func bodyOf(endpoint string, ops []auditOp) (body any, ok bool) {
	switch {
	case len(ops) == 0:
		return object{}, true
	case endpoint == "v2/auth/w/order/multi":
		return multiBody(ops)
	case len(ops) > 1, strings.HasPrefix(endpoint, "v1/"):
		return nil, false // v1 spells everything otherwise
	}
	return opBody(endpoint, ops[0])
}

// multiBody is [[name, {…}], …] under "ops" (docs.bitfinex.com/reference/rest-auth-order-multi).
func multiBody(ops []auditOp) (any, bool) {
	list := make([]any, 0, len(ops))
	for _, op := range ops {
		switch {
		case op.Do == "submit":
			list = append(list, []any{"on", submitBody(op)})
		case op.Do == "update":
			list = append(list, []any{"ou", updateBody(op)})
		case op.Do == "cancel" && op.ID == 0 && op.CID == 0:
			list = append(list, []any{"oc_multi", object{"all": 1}})
		case op.Do == "cancel":
			list = append(list, []any{"oc", cancelBody(op)})
		default:
			return nil, false
		}
	}
	return object{"ops": list}, true
}

// opBody is the body of a write of one operation, with the fields that its endpoint
// has (docs.bitfinex.com/reference).
func opBody(endpoint string, op auditOp) (object, bool) {
	switch strings.TrimPrefix(endpoint, "v2/auth/w/") {
	case "order/submit":
		return submitBody(op), true
	case "order/update":
		return updateBody(op), true
	case "order/cancel":
		return cancelBody(op), true
	case "order/cancel/multi":
		return object{"all": 1}, true
	case "funding/offer/submit", "position/increase":
		return object{}.text("symbol", op.Symbol).text("amount", op.Amount).number("flags", uint64(op.Flags)), true
	case "position/update/funding/type", "deriv/collateral/set", "deriv/collateral/limits", "alert/set", "alert/del":
		return object{}.text("symbol", op.Symbol), true
	case "funding/offer/cancel", "funding/close", "position/claim":
		return object{}.number("id", op.ID).text("amount", op.Amount), true
	case "funding/offer/cancel/all", "funding/auto":
		return object{}.text("currency", strings.TrimPrefix(op.Symbol, "f")).text("amount", op.Amount), true
	case "ext/recurring-ao/create":
		return object{}.text("_symbol", op.Symbol), true
	case "transfer":
		body := object{}.text("currency", op.Currency).text("amount", op.Amount)
		if op.External {
			body["user_id_dst"] = 1 // whoever it was
		}
		return body, true
	case "withdraw":
		return object{"method": methodOf(op.Currency)}.text("amount", op.Amount).text("address", op.Address), true
	}
	return object{}, op == auditOp{Do: op.Do}
}

func submitBody(op auditOp) object {
	return orderBody(op).text("type", op.Type).text("symbol", op.Symbol).number("cid", op.CID)
}

func updateBody(op auditOp) object {
	body := orderBody(op).text("delta", op.Delta)
	for name, value := range cancelBody(op) {
		body[name] = value
	}
	return body
}

func cancelBody(op auditOp) object {
	return object{}.number("id", op.ID).number("cid", op.CID).text("cid_date", op.CIDDate)
}

func orderBody(op auditOp) object {
	body := object{}.text("amount", op.Amount).text("price", op.Price).text("price_aux_limit", op.AuxPrice).
		text("price_oco_stop", op.StopPrice).text("price_trailing", op.Trailing).number("flags", uint64(op.Flags))
	if op.Leverage != "" {
		body["lev"] = json.Number(op.Leverage)
	}
	if op.AffCode != "" {
		body["meta"] = object{"aff_code": op.AffCode}
	}
	return body
}

func (o object) text(name, text string) object {
	if text != "" {
		o[name] = text
	}
	return o
}

func (o object) number(name string, n uint64) object {
	if n != 0 {
		o[name] = n
	}
	return o
}

// methodOf is a method of withdrawal whose currency is certain, or one where none is.
func methodOf(currency string) string {
	switch currency {
	case "BTC":
		return "bitcoin"
	case "LTC":
		return "litecoin"
	case "ETH":
		return "ethereum"
	case "ETC":
		return "ethereumc"
	case "ZEC":
		return "zcash"
	case "XMR":
		return "monero"
	case "XRP":
		return "ripple"
	case "UST":
		return "tetheruse"
	}
	return "unknown"
}
