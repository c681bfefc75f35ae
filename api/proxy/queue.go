package proxy

import "slices"

// queue is fair: no flow gets two turns before every flow got one. Its zero value is empty.
type queue struct {
	waiting map[flow][]chan struct{}
	order   []flow // whose turn is next
}

// add returns what is closed when the turn of who has come.
func (q *queue) add(who flow) (turn chan struct{}, err error) {
	switch n := len(q.waiting[who]); {
	case n >= mostWaiting:
		return nil, errFull
	case n == 0:
		q.order = append(q.order, who)
	}
	if q.waiting == nil {
		q.waiting = map[flow][]chan struct{}{}
	}
	turn = make(chan struct{})
	q.waiting[who] = append(q.waiting[who], turn)
	return turn, nil
}

// take takes the next one out; nil where nobody waits.
func (q *queue) take() (turn chan struct{}) {
	if len(q.order) == 0 {
		return nil
	}
	who := q.order[0]
	q.order = q.order[1:]
	turn = q.waiting[who][0]
	if q.waiting[who] = q.waiting[who][1:]; len(q.waiting[who]) > 0 {
		q.order = append(q.order, who)
	} else {
		delete(q.waiting, who)
	}
	return turn
}

// drop takes out one that waits no longer. It is false where it was taken.
func (q *queue) drop(who flow, turn chan struct{}) bool {
	i := slices.Index(q.waiting[who], turn)
	if i < 0 {
		return false
	}
	if q.waiting[who] = slices.Delete(q.waiting[who], i, i+1); len(q.waiting[who]) == 0 {
		delete(q.waiting, who)
		q.order = slices.DeleteFunc(q.order, func(other flow) bool { return other == who })
	}
	return true
}
