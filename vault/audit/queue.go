package audit

import "time"

// patience is how long the disk may take before records are refused (A48).
const patience = time.Second

// maxNotes is how many records may wait that nobody waits for.
const maxNotes = 4096

// wait says what a record waits for.
type wait uint8

const (
	forNothing wait = iota
	forWrite
	forDisk
)

// entry is a record on its way into the file.
type entry struct {
	fields []byte
	wait   wait
	done   chan error // of one place
	seq    uint64
	// answered is set, under Log.mu, once done has its answer.
	answered bool
	// intent and outcome keep count of what is unfinished.
	intent  string
	outcome uint64
	// revision of the vault file, as the record says.
	revision uint64
	// accepted says that an operator goes on behind a gap with it.
	accepted bool
	// begin, where there is one, adds fields that depend on where the record stands, and
	// the ratchet that runs after it.
	begin Begin
}

// Begin is given the place of a record, and the hash of the one before, and returns
// a text for its field "ratchet", the ratchet that runs after it, and what makes those
// of later segments. The log frees the ratchet, also where the record then cannot be
// written. It must not call the log, and is not called once [Log.Begin] has returned.
type Begin func(seq uint64, before Hash) (sealed string, r *Ratchet, seal Seal, err error)

func (l *Log) newEntry(r *Record, w wait) *entry {
	e, ok := l.entries.Get().(*entry)
	if !ok {
		e = &entry{done: make(chan error, 1)}
	}
	e.fields = r.append(e.fields[:0])
	e.wait, e.seq, e.answered, e.begin, e.intent, e.outcome, e.revision = w, 0, false, nil, "", 0, r.Revision
	e.accepted = r.Accepted
	switch r.Phase {
	case Intent:
		e.intent = r.Op
	case Outcome:
		e.outcome = r.Of
	}
	return e
}

// Append writes a record and returns its sequence. onDisk waits for the disk also
// where the log's own durability does not. Errors: *[WriteError], [ErrClosed]; the
// record may then stand in the file or not. It returns a second after the disk has
// stopped answering at the latest.
func (l *Log) Append(r *Record, onDisk bool) (seq uint64, err error) {
	t, err := l.Submit(r, onDisk)
	if err != nil {
		return 0, err
	}
	return t.Wait()
}

// Submit is Append for who waits later: several records on their way share a write. The
// ticket's Wait is called once, or the record's room is lost to the garbage collector.
func (l *Log) Submit(r *Record, onDisk bool) (Ticket, error) {
	e := l.newEntry(r, l.waitFor(onDisk))
	return Ticket{l, e}, l.push(e)
}

// Ticket is a record on its way.
type Ticket struct {
	log   *Log
	entry *entry
}

// Wait returns the record's sequence once it is where Append's would be. One that the
// watch has answered may still be in the writer's hands, and is left to it.
func (t Ticket) Wait() (seq uint64, err error) {
	if err := <-t.entry.done; err != nil {
		return 0, err
	}
	seq = t.entry.seq
	t.log.entries.Put(t.entry)
	return seq, nil
}

// Begin writes a record with which a new ratchet begins, and waits for the disk. The
// ratchet before has made its last tag when it returns.
func (l *Log) Begin(r *Record, begin Begin) (seq uint64, err error) {
	e := l.newEntry(r, forDisk)
	e.begin = begin
	if err := l.push(e); err != nil {
		return 0, err
	}
	return Ticket{l, e}.Wait()
}

// Note writes a record that nobody waits for, unless too many wait already: then it
// says no.
func (l *Log) Note(r *Record) bool {
	e := l.newEntry(r, forNothing)
	if l.push(e) == nil {
		return true
	}
	l.entries.Put(e)
	return false
}

func (l *Log) waitFor(onDisk bool) wait {
	if onDisk || l.o.Synced {
		return forDisk
	}
	return forWrite
}

func (l *Log) push(e *entry) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.closing:
		return ErrClosed
	case len(e.fields) > maxFields:
		return &WriteError{errLong}
	case l.faultMu() != nil:
		return l.faultMu()
	case e.wait == forNothing && l.notes >= maxNotes:
		return &WriteError{errHung}
	}
	if e.wait == forNothing {
		l.notes++
	}
	l.queue = append(l.queue, e)
	signal(l.wake)
	return nil
}

// take is all that is queued; nil once the log is closed and empty.
func (l *Log) take() []*entry {
	for {
		l.mu.Lock()
		batch, closing := l.queue, l.closing
		l.queue, l.notes = l.batch[:0], 0
		l.mu.Unlock()
		l.batch = batch
		if len(batch) > 0 {
			return batch
		}
		if closing {
			return nil
		}
		<-l.wake
	}
}

// answer ends an entry's wait. Under mu.
func (l *Log) answerMu(e *entry, err error) {
	if e.answered {
		return
	}
	e.answered = true
	if e.wait != forNothing {
		e.done <- err
	}
}
