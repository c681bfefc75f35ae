package limits

import (
	"encoding/binary"
	"strings"

	"bfxvault/vault/policy"
)

// isBare says whether the exchange chooses the cid of an order that op places: of
// the order itself, of the stop of an OCO, or of whatever an algorithm places.
func isBare(op *policy.Op) bool {
	switch op.Action {
	case policy.Submit:
		return op.CID == 0 || isOCO(op) && op.StopCID == 0
	case policy.Algo:
		return true
	}
	return false
}

// isOCO says whether an order brings a stop order along.
func isOCO(op *policy.Op) bool { return op.Flags&policy.FlagOCO != 0 || op.StopPrice.Set }

// bare is when orders were last signed whose cids the exchange chooses: for one by
// REST v2 the milliseconds since 1970, by REST v1 the microseconds of the day. A bot
// can foresee that cid, and have an order signed under it that it never sends.
type bare struct {
	saving
	v2, v1 lately
	// lost is until when nothing is known of what was signed (Forget), seconds since
	// 1970; 0 for never. An order of that time may have any cid.
	lost int64
}

// The cids that the exchange chooses.
const (
	lowV2, highV2 = 1e12, 1e13 - 1
	lowV1, highV1 = 1, secondsADay * 1e6
)

// note is called with the time of the memory.
func (b *bare) note(r *policy.Request, clock int64) {
	c := &b.v2
	if strings.HasPrefix(r.Endpoint, "v1/") {
		c = &b.v1
	}
	c.note(clock, &b.saving)
}

// covers says whether an update by the cid may mean an order that has it from the
// exchange, or that was signed in a time of which nothing is known. That goes for orders that were remembered before too. One that is signed
// meanwhile is unknown for as long as a cid that is taken twice.
func (b *bare) covers(cid uint64, clock int64) bool {
	if b.lost != 0 && clock-b.lost < takenTwice {
		return true
	}
	return lowV2 <= cid && cid <= highV2 && b.v2.counts(clock) || lowV1 <= cid && cid <= highV1 && b.v1.counts(clock)
}

// time is the latest time that is on disk, less what it reaches ahead.
func (b *bare) time() int64 { return max(b.lost, b.v2.onDisk-missedAhead, b.v1.onDisk-missedAhead) }

func (b *bare) encode() []byte {
	dst := binary.AppendUvarint([]byte{version}, uint64(b.v2.onDisk))
	dst = binary.AppendUvarint(dst, uint64(b.v1.onDisk))
	if b.lost != 0 {
		dst = binary.AppendUvarint(dst, uint64(b.lost))
	}
	return dst
}

func parseBare(value []byte) (b bare, err error) {
	r := &reader{rest: value}
	r.version()
	b.v2, b.v1 = r.lately(), r.lately()
	if len(r.rest) > 0 {
		if b.lost = r.time(); b.lost == 0 {
			r.fail()
		}
	}
	if b.v2.onDisk|b.v1.onDisk|b.lost == 0 {
		r.fail()
	}
	return b, r.end()
}
