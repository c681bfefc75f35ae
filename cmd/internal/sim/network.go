package sim

import "time"

// hold keeps a request back for as long as the network takes, which no one at
// the exchange notices: what a client has sent arrives, even where it has left.
func (x *Exchange) hold() {
	if x.opts.Delay <= 0 {
		return
	}
	x.mu.Lock()
	d := time.Duration(x.random.Int64N(int64(x.opts.Delay) + 1))
	x.mu.Unlock()
	time.Sleep(d)
}

// tooManyMu counts a request and reports whether it is one too many in the last
// minute. Bitfinex counts per IP address and endpoint; here it is per API key, and
// only what is well signed counts, so that no stranger uses up what is another's.
// What is too much moves no nonce.
func (x *Exchange) tooManyMu(a *account) bool {
	if x.opts.Limit <= 0 {
		return false
	}
	now := time.Now()
	for len(a.sent) > 0 && now.Sub(a.sent[0]) >= time.Minute {
		a.sent = a.sent[1:]
	}
	if len(a.sent) >= x.opts.Limit {
		return true
	}
	a.sent = append(a.sent, now)
	return false
}
