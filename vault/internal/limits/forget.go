package limits

import (
	"fmt"

	"bfxvault/vault/policy"
)

// SpendDay makes of the record of a grant, nil where there is none, one of which
// nothing is left until the daily limits begin anew: for a record that may be older
// than the last that was written (A43). That holds for whatever the grant limits by
// the day, and whatever it is given meanwhile. The day is today by the clock that is
// ahead, or that of the record where it is later. An error: stored does not parse.
func SpendDay(stored []byte, now policy.Now) ([]byte, error) {
	var m Meter
	if stored != nil {
		if err := m.parse(stored); err != nil {
			return nil, fmt.Errorf("limits of a grant: %w", err)
		}
	}
	m.day = max(m.day, dayOf(later(now).Unix()))
	m.closed = true // and no account is written: none has a flight
	return m.encodeMu(), nil
}

// Forget returns the records that are to stand in place of all that are stored of an
// API key's orders, by the keys of both: for records that may be older than the last
// that were written (A43). With them nothing is known of what was signed until now,
// or until the last of stored where that is later: for as long as that could still be
// updated, 49 hours, every update is of an unknown order. An order that is signed
// meanwhile stays unknown, since a lost one may have its cid. The records need not be
// of one time. An error: one of them does not parse.
func Forget(apiKey string, stored map[string][]byte, now policy.Now) (map[string][]byte, error) {
	lost := bare{lost: max(1, later(now).Unix())}
	for key, value := range stored {
		o := Orders{key: apiKey} // one for each: they need not go together
		if err := o.load(map[string][]byte{key: value}); err != nil {
			return nil, fmt.Errorf("remembered orders of an API key: %w", err)
		}
		lost.lost = max(lost.lost, o.clock)
	}
	return map[string][]byte{bareKey(apiKey): lost.encode()}, nil
}
