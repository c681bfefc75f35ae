package campaign_test

import (
	"strings"

	pb "bfxvault/proto/bfxvault/v1"
)

// secretsToSign are requests to sign with a secret where a bot may put one by mistake,
// each of which must be refused.
func (h *hunt) secretsToSign() {
	h.t.Helper()
	b := h.bot()
	for _, r := range secretRequests() {
		path, body := r.path, r.body
		for _, text := range []*string{&path, &body} {
			*text = strings.ReplaceAll(*text, "CANARY", h.canary(r.what))
		}
		h.pace()
		if strings.HasPrefix(path, "v1/") {
			answer, err := b.SignRestV1(b.ctx, &pb.SignRestV1Request{Label: "strict", Path: path, Params: []byte(body)})
			h.refusal(r.what, answer, err)
			continue
		}
		answer, err := b.SignRest(b.ctx, &pb.SignRestRequest{Label: "strict", Path: path, Body: []byte(body)})
		h.refusal(r.what, answer, err)
	}
}

// secretsSigned are requests with a secret in a field that the vault does not read, where
// that may be: they are signed, and what is said of them is all the same.
func (h *hunt) secretsSigned() {
	h.t.Helper()
	b := h.bot()
	body := []byte(`{"apiSecret":"` + h.canary("a field of a read") + `","` + h.canary("a field's name of a read") + `":1}`)
	answer, err := b.SignRest(b.ctx, &pb.SignRestRequest{Label: "main", Path: "v2/auth/r/wallets", Body: body})
	must(h.t, err)
	h.hearAnswer("a read with a secret", answer, nil)
	_, err = b.SignRestV1(b.ctx, &pb.SignRestV1Request{Label: "main", Path: "v1/balances", Params: body})
	must(h.t, err) // its answer is those parameters, with what the vault adds
}

// secretRequest has CANARY where the secret goes.
type secretRequest struct{ what, path, body string }

func secretRequests() []secretRequest {
	const withdraw = "v2/auth/w/withdraw"
	order := func(fields string) string {
		return `{"type":"EXCHANGE LIMIT","symbol":"tBTCUSD","amount":"0.1","price":"10000",` + fields + `}`
	}
	list := []secretRequest{
		{"the body", orderPath, `CANARY`},
		{"a body cut short", orderPath, `{"type":"CANARY`},
		{"a list", orderPath, `["CANARY"]`},
		{"a field's name", orderPath, order(`"CANARY":1`)},
		{"a name that comes twice", orderPath, order(`"CANARY":1,"CANARY":2`)},
		{"an unknown field", orderPath, order(`"apiSecret":"CANARY"`)},
		{"a name of a field within", orderPath, order(`"meta":{"CANARY":1}`)},
		{"an affiliate code", orderPath, order(`"meta":{"aff_code":"CANARY"}`)},
		{"a name of an operation", "v2/auth/w/order/multi", `[["CANARY",{"id":1}]]`},
		{"a segment of the path", "v2/auth/r/trades/CANARY/hist", `{}`},
		{"a path's end", orderPath + "/CANARY", order(`"cid":1`)},
		{"a query", "v2/auth/r/wallets?token=CANARY", `{}`},
		{"an address", withdraw, `{"wallet":"exchange","method":"bitcoin","amount":"0.5","address":"CANARY"}`},
		{"a method", withdraw, `{"wallet":"exchange","method":"CANARY","amount":"0.5","address":"1ours"}`},
		{"a code of a second factor", withdraw, `{"wallet":"exchange","method":"bitcoin","amount":"0.5","address":"1theirs","tfaToken":"CANARY"}`},
		{"a payment id", withdraw, `{"wallet":"exchange","method":"bitcoin","amount":"0.5","address":"1theirs","payment_id":"CANARY"}`},
		{"an address to transfer to", "v2/auth/w/transfer", `{"from":"exchange","to":"exchange","currency":"BTC","amount":"1","email_dst":"CANARY"}`},
		{"v1's request", "v1/balances", `{"request":"CANARY"}`},
		{"a field of v1", "v1/order/new", `{"symbol":"BTCUSD","CANARY":"x"}`},
		{"v1's address", "v1/withdraw", `{"withdraw_type":"bitcoin","walletselected":"exchange","amount":"1","address":"CANARY"}`},
		{"v1's side", "v1/order/new", `{"symbol":"BTCUSD","amount":"1","price":"1","side":"CANARY","type":"exchange limit"}`},
	}
	for _, field := range []string{"symbol", "type", "amount", "price", "lev", "flags", "cid", "tif"} {
		fields := map[string]string{"type": `"EXCHANGE LIMIT"`, "symbol": `"tBTCUSD"`, "amount": `"0.1"`, "price": `"10000"`}
		fields[field] = `"CANARY"`
		body := ""
		for _, name := range []string{"symbol", "type", "amount", "price", "lev", "flags", "cid", "tif"} {
			if value := fields[name]; value != "" {
				body += `,"` + name + `":` + value
			}
		}
		list = append(list, secretRequest{"an order's " + field, orderPath, "{" + body[1:] + "}"})
	}
	return list
}
