package proxy

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"bfxvault/api/client"
	"bfxvault/api/upstream"
)

// reportTime is how long vaultd gets to note the orders of an answer.
const reportTime = 2 * time.Second

// report tells vaultd which ids Bitfinex has given to the orders of a request, so that it
// can judge updates that name them. The bot has its answer meanwhile, whatever becomes of
// that.
func (p *Proxy) report(a *ask, seq uint64, orders []client.PlacedOrder) {
	ctx, cancel := context.WithTimeout(context.Background(), reportTime)
	defer cancel()
	_, err := p.options.Signer.ReportOrder(ctx, client.OrderReport{StandIn: a.id, AuditSeq: seq, Orders: orders})
	if err != nil {
		p.unreported.Do(func() {
			p.options.Log.Warn("vaultd takes no reports of orders: updates by Bitfinex's id will be refused where a grant has rules on amounts", "error", client.Text(err))
		})
	}
}

// placed are the new orders that the answer to a request names.
func (a *ask) placed(answer *upstream.Answer) []client.PlacedOrder {
	if !a.places() || answer.Status != http.StatusOK {
		return nil
	}
	return ordersOf(answer.Body)
}

// places says whether an answer may name new orders.
func (a *ask) places() bool {
	return a.path == "v2/auth/w/order/submit" || a.path == "v2/auth/w/order/multi"
}

// Places in an answer (docs.bitfinex.com/reference/rest-auth-submit-order): of a
// notification, [MTS, TYPE, ID, null, DATA, CODE, STATUS, TEXT], and of an order, [ID, GID,
// CID, SYMBOL, …].
const (
	notifyType, notifyData, notifyStatus, notifyLength = 1, 4, 6, 8
	orderID, orderCID, orderSymbol, orderLength        = 0, 2, 3, 4
)

// ordersOf reads the new orders that an answer to order/submit or order/multi names. What
// it does not understand it leaves out: such an order stays unknown.
func ordersOf(body []byte) (orders []client.PlacedOrder) {
	kind, data := notification(body)
	if kind != "ox_multi-req" {
		return newOrders(kind, data)
	}
	for _, one := range data {
		orders = append(orders, newOrders(notification(one))...)
	}
	return orders
}

// newOrders are those that a notification names: none where it is not of a new order.
func newOrders(kind string, data []json.RawMessage) (orders []client.PlacedOrder) {
	if kind != "on-req" {
		return nil
	}
	if o, ok := orderOf(data); ok {
		return []client.PlacedOrder{o}
	}
	for _, one := range data {
		if o, ok := orderOf(list(one)); ok {
			orders = append(orders, o)
		}
	}
	return orders
}

// notification is the type and the data of one of what went well; nothing of any other.
func notification(text []byte) (kind string, data []json.RawMessage) {
	fields := list(text)
	if len(fields) < notifyLength || word(fields[notifyStatus]) != "SUCCESS" {
		return "", nil
	}
	return word(fields[notifyType]), list(fields[notifyData])
}

func orderOf(fields []json.RawMessage) (o client.PlacedOrder, ok bool) {
	if len(fields) < orderLength || json.Unmarshal(fields[orderID], &o.ID) != nil || o.ID == 0 {
		return o, false
	}
	if json.Unmarshal(fields[orderCID], &o.CID) != nil {
		return o, false
	}
	o.Symbol = word(fields[orderSymbol])
	return o, o.Symbol != ""
}

// list are the elements of an array, none where it is something else.
func list(text []byte) (elements []json.RawMessage) {
	_ = json.Unmarshal(text, &elements) // what is none has none
	return elements
}

// word is a string, empty where it is something else.
func word(text []byte) (s string) {
	_ = json.Unmarshal(text, &s) // what is none is no word
	return s
}
