package audit

import (
	"encoding/json"
	"errors"
	"os"
	"time"
)

// Keep says for how long segments stay. Zero means for ever.
type Keep struct {
	Age   time.Duration
	Bytes int64
}

// checkpointEvery is how long after a record a checkpoint is made at the latest.
const checkpointEvery = 10 * time.Second

const checkpointName = "checkpoint"

// checkpoint is the file beside the segments that says what is safely on disk. A start
// reads on from there.
type checkpoint struct {
	Seq        uint64            `json:"seq"`
	Head       string            `json:"head"`
	Segment    string            `json:"segment"`
	Size       int64             `json:"size"`
	Revision   uint64            `json:"rev,omitempty"`
	Unfinished map[uint64]string `json:"unfinished,omitempty"`
}

// keep is the goroutine that makes checkpoints while records flow, and one after.
func (l *Log) keep() {
	timer := time.NewTimer(checkpointEvery)
	timer.Stop()
	armed := false
	var told Position
	for {
		select {
		case <-l.ended:
			return
		case <-l.keepWake:
			l.keepRoom()
			if !armed {
				armed = true
				timer.Reset(checkpointEvery)
			}
		case <-timer.C:
			armed = false
			told = l.tell(told)
		case done := <-l.asks:
			done <- l.writeCheckpoint()
		}
	}
}

// tell makes a checkpoint of what is on disk since the last was told of. The file beside
// the segments only saves the next start some reading: the others are told all the same.
func (l *Log) tell(told Position) Position {
	l.mu.Lock()
	at, behind, pending := l.synced.Position, l.written.Seq > l.synced.Seq, l.pending
	l.mu.Unlock()
	if behind {
		signal(l.keepWake)
	}
	if at == told || pending {
		return told
	}
	if err := l.writeCheckpoint(); err != nil {
		signal(l.keepWake)
	}
	l.o.Checkpoint(at)
	return at
}

// keepRoom keeps blocks allocated behind the newest record, and tells when there are
// none left.
func (l *Log) keepRoom() {
	l.fileMu.Lock()
	enough := l.segment.allocate()
	l.fileMu.Unlock()
	if l.low.Swap(!enough) == enough && !enough {
		l.o.Alert(AlertDisk, "the disk under the audit log is nearly full: denials are counted and no longer written in full")
	}
}

// writeCheckpoint replaces the file. While nobody has accepted a gap the old one stays:
// a start must find what is missing.
func (l *Log) writeCheckpoint() error {
	l.mu.Lock()
	at, pending := l.synced, l.pending
	c := checkpoint{
		Seq: at.Seq, Head: at.Head.String(), Segment: at.segment, Size: at.size, Revision: l.revision,
		Unfinished: l.unfinishedMu(at.Seq),
	}
	l.mu.Unlock()
	if pending || at.Seq == 0 {
		return nil
	}
	text, err := json.Marshal(c)
	if err != nil {
		return err // unreachable: a struct of texts and numbers
	}
	const draft = checkpointName + ".new"
	f, err := l.root.OpenFile(draft, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(append(text, '\n'))
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	l.o.point("checkpoint written")
	err = l.root.Rename(draft, checkpointName)
	l.o.point("checkpoint renamed")
	return err
}

// readCheckpoint reads it; nil where there is none, or none that means anything.
func readCheckpoint(root *os.Root) (*checkpoint, Hash) {
	text, err := root.ReadFile(checkpointName)
	var c checkpoint
	var head Hash
	if err != nil || json.Unmarshal(text, &c) != nil || c.Seq == 0 || len(c.Head) != 2*len(head) ||
		!unhex(head[:], []byte(c.Head)) {
		return nil, Hash{}
	}
	return &c, head
}

// unfinishedMu lists what is unfinished as far as a sequence.
func (l *Log) unfinishedMu(seq uint64) map[uint64]string {
	all := make(map[uint64]string, len(l.open))
	for intent, op := range l.open {
		if intent <= seq {
			all[intent] = op
		}
	}
	for _, f := range l.finished {
		if f.seq > seq && f.of <= seq {
			all[f.of] = f.op
		}
	}
	return all
}

// Checkpoint brings everything to disk that is written, notes beside the segments how
// far that is, and returns it. Errors: *[WriteError], [ErrClosed].
func (l *Log) Checkpoint() (Position, error) {
	if _, err := l.Append(&Record{Op: opCheckpoint}, true); err != nil {
		return Position{}, err
	}
	patience := time.NewTimer(patience)
	defer patience.Stop()
	done := make(chan error, 1)
	select {
	case l.asks <- done:
	case <-l.ended:
		return Position{}, ErrClosed
	case <-patience.C:
		return Position{}, &WriteError{errHung}
	}
	select {
	case err := <-done:
		if err != nil {
			return Position{}, &WriteError{err}
		}
		return l.Synced(), nil
	case <-patience.C:
		return Position{}, &WriteError{errHung}
	}
}
