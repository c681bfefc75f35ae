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
	runs  bool // the timer: it is set about once a second, and not for each batch
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
	defer w.log.mu.Unlock()
	w.batch, w.armed, w.began = batch, true, time.Now()
	if !w.runs {
		w.runs = true
		w.timer.Reset(patience)
	}
}

// end ends it, and takes back what was said of the disk.
func (w *watch) end() {
	w.log.mu.Lock()
	defer w.log.mu.Unlock()
	if w.fired {
		w.log.faults[w.from] = nil
	}
	w.batch, w.armed, w.fired = nil, false, false
}

// fire looks whether what began has taken too long. Where it has not, the timer runs
// on; where nothing is under way, it rests.
func (w *watch) fire() {
	w.log.mu.Lock()
	defer w.log.mu.Unlock()
	left := patience - time.Since(w.began)
	switch {
	case !w.armed || w.fired:
		w.runs = false
	case left > 0:
		w.timer.Reset(left)
	default:
		w.runs, w.fired = false, true
		w.log.faultAllMu(w.from, &WriteError{errHung}, w.batch)
	}
}
