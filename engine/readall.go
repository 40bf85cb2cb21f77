package engine

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

func (e *Engine) readPeople(ctx context.Context) ([]Person, Proof) {
	defer e.timed("people", "")()
	started := e.Now()
	r, ok := watched(ctx, e.idle(), e.people)
	if !ok {
		r.err = errStalled
	}
	if r.err != nil { // no proof came, so nothing that was yielded may be believed
		proof := Proof{Source: r.proof.Source, Started: started, Finished: e.Now()}
		proof.Add(ReasonUnreachable, r.err.Error())
		return nil, proof
	}
	slices.SortFunc(r.people, func(a, b Person) int { return strings.Compare(a.Key, b.Key) })
	return r.people, r.proof
}

// peopleRead is what the directory answered.
type peopleRead struct {
	people []Person
	proof  Proof
	err    error
}

func (e *Engine) people(ctx context.Context, came *atomic.Int64) (r peopleRead) {
	defer func() {
		if panicked := recover(); panicked != nil {
			r.err = fmt.Errorf("reading the directory failed: %v", panicked)
		}
	}()
	var parts [][]Person // a slice that grows would be copied again and again, and leave twice its size behind
	n := 0
	r.proof, r.err = e.Directory.People(ctx, func(p Person) error {
		came.Add(1)
		if n++; len(parts) == 0 || len(parts[len(parts)-1]) == cap(parts[len(parts)-1]) {
			parts = append(parts, make([]Person, 0, 16<<min(len(parts), 6)))
		}
		last := &parts[len(parts)-1]
		*last = append(*last, p)
		e.progress("read", "people", n, 0)
		return ctx.Err()
	})
	r.people = slices.Concat(parts...)
	return r
}

// readPrograms reads the programs side by side; each stays its own problem.
func (e *Engine) readPrograms(ctx context.Context, mem *Memory) []*Reading {
	out := make([]*Reading, len(e.Programs))
	var wg sync.WaitGroup
	most := make(chan struct{}, 8)
	var read atomic.Int32
	start := e.beside(&wg)
	for i := range e.Programs {
		start(func() {
			most <- struct{}{}
			defer func() { <-most }()
			out[i] = e.ReadProgram(ctx, &e.Programs[i], mem)
			e.progress("read", "programs", int(read.Add(1)), len(e.Programs))
		})
	}
	wg.Wait()
	return out
}

// ReadProgram reads one program on top of what is remembered of it.
func (e *Engine) ReadProgram(ctx context.Context, p *Program, mem *Memory) *Reading {
	defer e.timed("program", p.Name)()
	started := e.Now()
	r, ok := watched(ctx, e.idle(), func(ctx context.Context, came *atomic.Int64) *Reading { return e.readProgram(ctx, *p, mem, came) })
	if !ok {
		r = NewReading(p, mem.Program(p.Name))
		r.Proof = Proof{Source: p.Name, Started: started, Finished: e.Now()}
		r.Proof.Add(ReasonUnreachable, errStalled.Error())
		r.undescribed = true
	}
	return r
}

func (e *Engine) readProgram(ctx context.Context, described Program, mem *Memory, came *atomic.Int64) (r *Reading) {
	p := &described
	r = NewReading(&described, mem.Program(p.Name))
	started := e.Now()
	defer func() {
		if panicked := recover(); panicked != nil {
			r.Proof.Add(ReasonMalformed, fmt.Sprintf("the connector of %s failed: %v", p.Name, panicked))
		}
		r.Proof.Source, r.Proof.Started, r.Proof.Finished = p.Name, started, e.Now()
		r.Proof.Count = r.Count()
	}()
	if d, ok := p.Connector.(Describer); ok {
		r.undescribed = true
		if description, err := d.Describe(ctx); err != nil { // what is known has to do
			r.Proof.Add(ReasonUnreachable, err.Error())
		} else {
			described.Describes, r.undescribed = description, false
		}
	}
	proof, err := p.Connector.Holdings(ctx, func(h Holding) error {
		came.Add(1)
		if c, ok := p.Connector.(Canonicaler); ok {
			h.Account, h.Entitlement = c.Canonical(h.Account, h.Entitlement)
		}
		r.Add(h)
		return nil
	})
	if err == nil {
		e.readSeats(ctx, r, came)
	}
	r.Proof.Reasons = append(r.Proof.Reasons, proof.Reasons...)
	r.Proof.Notices, r.Proof.Digest, r.Proof.Mark = proof.Notices, proof.Digest, proof.Mark
	if _, people := p.Connector.(ByHand); people && proof.Started.Before(started) {
		started = proof.Started // what somebody exported then
	}
	if err != nil {
		r.Proof.Add(ReasonUnreachable, err.Error())
	}
	return r
}

// formers fetches the earlier policies that something undesired refers to. One that can't be had is left out: the plan
// then asks for approval.
func (e *Engine) formers(ctx context.Context, mem *Memory, now string) map[string]Policy {
	out := map[string]Policy{}
	if e.Former == nil {
		return out
	}
	hashes := map[string]bool{}
	for _, kind := range []string{FactUndesired, FactFormer, FactPolicy} {
		for f := range mem.each(kind) {
			for hash := range strings.SplitSeq(f.Text, "\n") {
				hashes[hash] = true
			}
		}
	}
	for hash := range hashes {
		if hash == now || hash == "" {
			continue
		}
		if p, err := e.Former(ctx, hash); err == nil {
			out[hash] = WithGiven(p, mem)
		} else {
			e.log().Warn("an earlier policy can't be had; what it gave is taken only after approval", "policy", hash, "error", err)
		}
	}
	return out
}
