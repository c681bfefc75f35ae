package audit

import (
	"time"
)

// chain is where a log stands, for whoever writes it.
type chain struct {
	at      Position
	ratchet *Ratchet
	sum     chainSum
	buf     []byte
}

// add appends a line to buf and moves on.
func (c *chain) add(at time.Time, fields ...[]byte) {
	start := len(c.buf)
	c.at.Seq++
	c.buf = appendStart(c.buf, c.at.Seq, at)
	for i, field := range fields {
		if i > 0 {
			c.buf = append(c.buf, ',')
		}
		c.buf = append(c.buf, field...)
	}
	c.buf = appendEnd(c.buf, start, &c.at.Head, &c.sum, c.ratchet)
}

// settle keeps what was added, or goes back to where the chain stood.
func (c *chain) settle(before Position, keep bool) {
	c.buf = c.buf[:0]
	if c.ratchet != nil {
		c.ratchet.Settle(keep)
	}
	if !keep {
		c.at = before
	}
}

// write is the writer: all that is queued goes into the file together.
func (l *Log) write() {
	defer close(l.ended)
	for batch := l.take(); batch != nil; batch = l.take() {
		for len(batch) > 0 {
			n := run(batch)
			l.writeRun(batch[:n])
			batch = batch[n:]
		}
	}
}

// run is how many entries go together: one with which a ratchet begins stands alone.
func run(batch []*entry) int {
	for i, e := range batch {
		if e.begin != nil {
			return max(i, 1)
		}
	}
	return len(batch)
}

func (l *Log) writeRun(batch []*entry) {
	l.writeWatch.begin(batch)
	err := l.putRun(batch)
	l.writeWatch.end()
	if err != nil {
		err = &WriteError{err}
	}
	l.settle(batch, err)
}

func (l *Log) putRun(batch []*entry) error {
	l.fileMu.Lock()
	defer l.fileMu.Unlock()
	if err := l.segment.checkPlace(); err != nil {
		return err
	}
	now, err := l.turn(l.o.Now())
	if err != nil {
		return err
	}
	if batch[0].begin != nil {
		return l.putBegin(batch[0], now)
	}
	before := l.chain.at
	for _, e := range batch {
		l.chain.add(now, e.fields)
		e.seq = l.chain.at.Seq
	}
	return l.putLines(before, now)
}

// putBegin writes a record with which a ratchet begins.
func (l *Log) putBegin(e *entry, now time.Time) error {
	before := l.chain.at
	sealed, next, seal, err := l.callBegin(e, before)
	if err != nil {
		return err
	}
	l.chain.add(now, e.fields, AppendText([]byte(`"ratchet":`), sealed))
	e.seq = l.chain.at.Seq
	if err := l.putLines(before, now); err != nil {
		next.Free()
		return err
	}
	l.adopt(next)
	l.seal = seal
	first, _ := firstOf(l.segment.name)
	l.begun.Store(first)
	return nil
}

// callBegin calls what the caller of Begin has given, unless it has gone: what it
// leans on may be gone as well.
func (l *Log) callBegin(e *entry, at Position) (sealed string, r *Ratchet, seal Seal, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e.answered {
		return "", nil, nil, errHung
	}
	return e.begin(at.Seq+1, at.Head)
}

// putLines writes what was added to the chain since before. Under fileMu.
func (l *Log) putLines(before Position, now time.Time) error {
	err := l.segment.put(l.chain.buf)
	if err == nil {
		l.tail = append(l.tail, l.chain.buf...)
		l.segment.last = now
	}
	l.chain.settle(before, err == nil)
	return err
}

// adopt makes r the ratchet of what follows.
func (l *Log) adopt(r *Ratchet) {
	if l.chain.ratchet != nil {
		l.chain.ratchet.Free()
	}
	l.chain.ratchet = r
}

// overdue is for how long a record may wait for the disk before those after it wait
// with it: what a power cut can take.
const overdue = 100 * time.Millisecond

// settle answers the entries of a batch, or leaves them to wait for the disk.
func (l *Log) settle(batch []*entry, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failed = err
	if err != nil {
		for _, e := range batch {
			l.answerMu(e, err)
		}
		return
	}
	now := time.Now()
	l.written = mark{l.chain.at, l.segment.name, l.segment.size}
	if l.unsynced.IsZero() {
		l.unsynced = now
		signal(l.syncWake)
		signal(l.keepWake)
	}
	late := now.Sub(l.unsynced) > overdue
	for _, e := range batch {
		l.countMu(e)
		l.settleMu(e, late)
	}
	if len(l.syncing) > 0 {
		signal(l.syncWake)
	}
}

// settleMu settles an entry that is written.
func (l *Log) settleMu(e *entry, late bool) {
	switch {
	case e.wait == forNothing:
		l.entries.Put(e)
	case e.answered: // by the watch; its record stands
	case l.faults[syncing] != nil:
		l.answerMu(e, l.faults[syncing])
	case e.wait == forDisk || late:
		l.syncing = append(l.syncing, e)
	default:
		l.answerMu(e, nil)
	}
}

// countMu keeps count of operations without an outcome, and of the newest revision.
func (l *Log) countMu(e *entry) {
	if e.intent != "" {
		l.open[e.seq] = e.intent
	}
	if op, ok := l.open[e.outcome]; ok && e.outcome != 0 {
		l.finished = append(l.finished, finish{e.seq, e.outcome, op})
		delete(l.open, e.outcome)
	}
	if e.accepted && e.begin != nil {
		l.pending = false
	}
	l.revision = max(l.revision, e.revision)
}
