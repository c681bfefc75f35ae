package vault

import (
	"context"
	"sync"
	"time"
)

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
// for a second where the attempt was wrong. A caller that goes away early does
// not shorten it.
func (p *penalties) try(ctx context.Context, process string, attempt func() (wrong bool, err error)) error {
	d := p.enter(process)
	select {
	case <-d.turn:
	case <-ctx.Done():
		p.leave(process, d)
		return ctx.Err()
	}
	wrong, err := attempt()
	if !wrong {
		d.turn <- struct{}{}
		p.leave(process, d)
		return err
	}
	paid := make(chan struct{})
	time.AfterFunc(penalty, func() {
		d.turn <- struct{}{}
		p.leave(process, d)
		close(paid)
	})
	select {
	case <-paid:
	case <-ctx.Done():
	}
	return err
}

func (p *penalties) enter(process string) *debtor {
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
	d.tries++
	return d
}

func (p *penalties) leave(process string, d *debtor) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if d.tries--; d.tries == 0 {
		delete(p.processes, process)
	}
}
