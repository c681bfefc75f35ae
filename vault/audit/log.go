package audit

import (
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// Options say where a log is and how it is kept.
type Options struct {
	// Dir is the folder of the segments, made with mode 0700 where it is missing.
	Dir string
	// Synced makes every record wait for the disk (durability = "fsync").
	Synced bool
	// Keep says for how long old segments stay.
	Keep Keep
	// Now is the wall clock. Required.
	Now func() time.Time
	// Checkpoint is told, on a goroutine of the log's own, what is safely on disk: ten
	// seconds after a record at the latest. It must not call [Log.Checkpoint]. Required.
	Checkpoint func(Position)
	// Alert is told of what an owner wants to know, by one of the alert names. It must
	// not wait, nor call the log. Required.
	Alert func(name, detail string)
	// Accept goes on where records are missing or damaged: a new segment begins, above
	// Above and all that there is. Without it such a folder is a *DamagedError.
	Accept bool
	Above  uint64
	// Point, where there is one, is told of each point between two steps at which a crash
	// may come, for tests of just that.
	Point func(name string)
}

func (o *Options) point(name string) {
	if o.Point != nil {
		o.Point(name)
	}
}

// The alerts that a log raises by itself.
const (
	AlertDisk      = "disk_near_full"
	AlertRecovered = "log_recovered"
)

// Position is a record's place in a log.
type Position struct {
	Seq  uint64
	Head Hash
}

// Log is an open log. It is safe for concurrent use.
type Log struct {
	o    Options
	root *os.Root
	lock *os.File // the folder, locked

	mu       sync.Mutex
	queue    []*entry
	notes    int            // of queue: those that nobody waits for
	closing  bool           // no more entries
	faults   [sources]error // why nothing can be written, by where that shows
	failed   error          // why the newest records could not be written
	written  mark
	synced   mark
	syncing  []*entry          // written, and waiting for the disk
	unsynced time.Time         // when the oldest record that is not on disk was written
	open     map[uint64]string // intents without an outcome
	finished []finish          // outcomes that are not on disk yet
	pending  bool              // a gap was begun that no unlock has accepted yet
	retry    time.Time         // when a disk that has failed is tried again
	revision uint64            // the newest of the vault file that a record names

	entries                  sync.Pool
	writeWatch, syncWatch    *watch
	wake, syncWake, keepWake chan struct{}
	asks                     chan chan error // for a checkpoint at once
	ended                    chan struct{}   // closed when the writer has ended
	done                     sync.WaitGroup
	floods                   floods
	low                      atomic.Bool   // the disk is nearly full
	begun                    atomic.Uint64 // the first sequence of the segment where the ratchet began; 0 where none runs

	fileMu  sync.Mutex // the segment, for writing and for changing it
	segment *segment
	tail    []byte     // what is written and not on disk
	syncMu  sync.Mutex // after fileMu: the segment, for bringing it to disk

	// Of the writer alone.
	chain  chain
	seal   Seal // makes the key of a new segment, where a ratchet runs
	batch  []*entry
	turned time.Time // when no new segment could be made
}

// mark is a place in the files.
type mark struct {
	Position
	segment string
	size    int64
}

// finish is an outcome: its sequence, and that and the name of its intent.
type finish struct {
	seq, of uint64
	op      string
}

// Seal makes a new ratchet for a segment and returns its first key, sealed, as text.
type Seal func() (sealed string, r *Ratchet, err error)

// Open opens the log in a folder and mends what a crash has left half written. Errors:
// *[DamagedError] where proven records are missing, *[UnsafeError] for a folder or
// file that is a link, not regular, or open to others (A2, A51), *[WriteError].
func Open(o Options) (*Log, error) {
	if o.Dir == "" || o.Now == nil || o.Checkpoint == nil || o.Alert == nil {
		return nil, errors.New("audit: Options.Dir, Now, Checkpoint and Alert are required")
	}
	root, err := openFolder(o.Dir)
	if err != nil {
		return nil, err
	}
	lock, err := lockFolder(root)
	if err != nil {
		root.Close()
		return nil, err
	}
	l := &Log{
		o: o, root: root, lock: lock, open: make(map[uint64]string),
		wake: make(chan struct{}, 1), syncWake: make(chan struct{}, 1), keepWake: make(chan struct{}, 1),
		asks: make(chan chan error), ended: make(chan struct{}), finished: make([]finish, 0, 8),
	}
	l.writeWatch, l.syncWatch = newWatch(l, writing), newWatch(l, syncing)
	if err := l.recover(); err != nil {
		lock.Close()
		root.Close()
		return nil, err
	}
	l.done.Go(l.write)
	l.done.Go(l.sync)
	l.done.Go(l.keep)
	return l, nil
}

// Synced is the newest record that is on disk, with all before it.
func (l *Log) Synced() Position {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.synced.Position
}

// Revision is the newest revision of the vault file that a record names.
func (l *Log) Revision() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.revision
}

// Fault is why records are refused untried, nil where they are not. It ends by itself.
func (l *Log) Fault() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.faultMu()
}

// Failed is why the newest records could not be written, nil where they could or none
// was tried. The next one is tried all the same.
func (l *Log) Failed() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.failed
}

// Unfinished lists the operations that were begun and whose outcome is not recorded,
// by the sequence of their intent.
func (l *Log) Unfinished() map[uint64]string {
	l.mu.Lock()
	defer l.mu.Unlock()
	unfinished := make(map[uint64]string, len(l.open))
	for seq, op := range l.open {
		unfinished[seq] = op
	}
	return unfinished
}

// Close refuses further records, brings what there is to disk and ends. It waits for
// the disk for a second at most. Errors: *[WriteError], and [ErrClosed] the second time.
func (l *Log) Close() error {
	l.countAll()
	l.mu.Lock()
	closed := l.closing
	l.closing = true
	l.mu.Unlock()
	if closed {
		return ErrClosed
	}
	signal(l.wake)
	over := make(chan error, 1)
	go func() {
		l.done.Wait()
		over <- errors.Join(l.writeCheckpoint(), l.segment.close(), l.lock.Close(), l.root.Close())
	}()
	patience := time.NewTimer(patience)
	defer patience.Stop()
	select {
	case err := <-over:
		if l.chain.ratchet != nil {
			l.chain.ratchet.Free()
		}
		return errors.Join(l.Fault(), err)
	case <-patience.C:
		return &WriteError{errHung}
	}
}

// signal wakes a goroutine, or leaves it a note to look again.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
