package vault

import (
	"context"
	"sync"
	"time"
)

// maxTries is how many tries of one process may be under way: one at work, the
// others waiting for it.
const maxTries = 16

// penalty is what a wrong passphrase or proof costs the process that sent it.
const penalty = time.Second

// penalties makes each process pay for its wrong proofs: a fixed second each, in
// which it can try no other. Other processes are not delayed, and nobody is ever
// locked out (A65).
type penalties struct {
	mu        sync.Mutex
	processes map[string]*debtor
}

type debtor struct {
	turn  chan struct{} // holds one token: one try of a process at a time
	tries int           // under penalties.mu: those that hold or wait for the turn
}

// try runs one attempt of a process, after its earlier ones, and keeps the turn
// for a second where the attempt ended in KindWrongPassphrase. A caller that goes away early does
// not shorten it.
func (p *penalties) try(ctx context.Context, process string, attempt func() error) (err error) {
	d, ok := p.enter(process)
	if !ok {
		return fail("prove", KindBusy, "too many tries of this process wait already").hint("wait for their answers")
	}
	select {
	case <-d.turn:
	case <-ctx.Done():
		p.leave(process, d)
		return ctx.Err()
	}
	paid := make(chan struct{})
	end := func() {
		d.turn <- struct{}{}
		p.leave(process, d)
		close(paid)
	}
	wrong := true // a panic counts as a wrong try, and keeps nobody's turn
	defer func() {
		if !wrong {
			end()
			return
		}
		time.AfterFunc(penalty, end)
		select {
		case <-paid:
		case <-ctx.Done():
		}
	}()
	err = attempt()
	wrong = err != nil && KindOf(err) == KindWrongPassphrase
	return err
}

// enter counts a try of a process, unless it has too many under way.
func (p *penalties) enter(process string) (_ *debtor, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	d := p.processes[process]
	if d == nil {
		d = &debtor{turn: make(chan struct{}, 1)}
		d.turn <- struct{}{}
		if p.processes == nil {
			p.processes = make(map[string]*debtor)
		}
		p.processes[process] = d
	}
	if d.tries == maxTries {
		return nil, false
	}
	d.tries++
	return d, true
}

func (p *penalties) leave(process string, d *debtor) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if d.tries--; d.tries == 0 {
		delete(p.processes, process)
	}
}
