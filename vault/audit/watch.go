package audit

import "time"

// source is where it shows that nothing can be written.
type source int

const (
	writing source = iota
	syncing
	sources
)

func (l *Log) faultMu() error {
	for _, err := range l.faults {
		if err != nil {
			return err
		}
	}
	return nil
}

// setFault makes err the answer to all records until it is taken back, and to
// everybody who waits, those of the batch included.
func (l *Log) setFault(from source, err error, batch []*entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.faultAllMu(from, err, batch)
}

func (l *Log) faultAllMu(from source, err error, batch []*entry) {
	l.faults[from] = err
	for _, waiting := range [][]*entry{batch, l.queue, l.syncing} {
		for _, e := range waiting {
			l.answerMu(e, err)
		}
	}
	l.queue, l.syncing, l.notes = l.queue[:0], nil, 0
}

// watch watches over what may hang with the disk. After patience everybody who waits
// is told.
type watch struct {
	log   *Log
	from  source
	timer *time.Timer

	// Under Log.mu.
	batch []*entry
	armed bool
	began time.Time
	fired bool
}

func newWatch(l *Log, from source) *watch {
	w := &watch{log: l, from: from}
	w.timer = time.AfterFunc(time.Hour, w.fire)
	w.timer.Stop()
	return w
}

// begin watches over a batch.
func (w *watch) begin(batch []*entry) {
	w.log.mu.Lock()
	w.batch, w.armed, w.began = batch, true, time.Now()
	w.log.mu.Unlock()
	w.timer.Reset(patience)
}

// end ends it, and takes back what was said of the disk.
func (w *watch) end() {
	w.timer.Stop()
	w.log.mu.Lock()
	defer w.log.mu.Unlock()
	if w.fired {
		w.log.faults[w.from] = nil
	}
	w.batch, w.armed, w.fired = nil, false, false
}

// fire may come late, for what has ended already: then the timer runs again.
func (w *watch) fire() {
	w.log.mu.Lock()
	defer w.log.mu.Unlock()
	if w.armed && time.Since(w.began) >= patience {
		w.fired = true
		w.log.faultAllMu(w.from, &WriteError{errHung}, w.batch)
	}
}
