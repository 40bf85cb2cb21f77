package engine

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"time"
)

// Commit writes a plan's observations and intents. Everything is durable when it returns; from then on work may start.
// ErrStale and ErrDeposed ask for a new plan.
func (e *Engine) Commit(ctx context.Context, p *Plan, actor string, epoch int64) (run string, err error) {
	run = fmt.Sprintf("r%d", p.runs+1)
	defer e.timed("journal", "")()
	guard := Guard{Epoch: epoch, Control: p.control, Until: p.until}
	Failpoint("commit.before")
	for part := range chunks(p.Records(run, actor), commitPart, sameAccount) {
		if err := e.Journal.Append(ctx, guard, part); err != nil {
			return run, err
		}
		for i := range part { // the plan's own records make it no more stale
			if part[i].Kind.Control() {
				guard.Control = part[i].Seq
			}
		}
		Failpoint("commit.torn")
	}
	Failpoint("commit.after")
	return run, nil
}

// commitPart is how many records travel to the journal at once.
const commitPart = 5000

// chunks gives what comes in lists of n, or of some more: what belongs together stays so. The first list grows as it fills, since most
// plans are far smaller than n.
func chunks[T any](all iter.Seq[T], n int, together func(a, b *T) bool) iter.Seq[[]T] {
	return func(yield func([]T) bool) {
		var part []T
		for one := range all {
			if len(part) >= n && !together(&part[len(part)-1], &one) {
				if !yield(part) {
					return
				}
				part = make([]T, 0, n)
			}
			part = append(part, one)
		}
		if len(part) > 0 {
			yield(part)
		}
	}
}

// sameAccount keeps what is about one account in one transaction. A worker may carry out a part before the next one is there; what
// came later for an account that is only proposed would not know the one that was made meanwhile.
func sameAccount(a, b *Record) bool {
	return a.Account != "" && a.Account == b.Account && a.Program == b.Program
}

// Records is all that committing the plan writes, one by one: the run, what it observed, the items that wait, the intents.
func (p *Plan) Records(run, actor string) iter.Seq[Record] {
	return func(yield func(Record) bool) {
		for _, part := range []iter.Seq[Record]{slices.Values([]Record{p.runRecord()}), slices.Values(p.observed), p.itemRecords(), p.intentRecords(run, actor)} {
			for r := range part {
				r.Run, r.Actor = run, actor
				if !yield(r) {
					return
				}
			}
		}
	}
}

func (p *Plan) runRecord() Record {
	return Record{Kind: KindRun, Data: mustJSON(struct {
		Plan, Policy, Config string
		Proofs               []Proof
		Summary              Summary
		Notices              []Notice
		Held                 []heldLine `json:",omitempty"`
	}{p.ID, p.Policy, p.Config, p.Proofs, p.Summary, p.Notices, p.heldLines()}), Set: p.used}
}

// heldLine is a line of a plan that became neither an intent nor an approval item. Fields are only ever added.
type heldLine struct {
	Op                                    Op
	Program, Entitlement, Account, Person string
	State                                 ChangeState
	Reason                                string
	Due                                   *time.Time `json:",omitempty"`
}

// mostHeld bounds what a run's record says of such lines; the summary counts them all.
const mostHeld = 100

func (p *Plan) heldLines() (out []heldLine) {
	for i := range p.Changes {
		if c := &p.Changes[i]; (c.State == Blocked || c.State == Scheduled) && len(out) < mostHeld {
			out = append(out, heldLine{c.Op, c.Program, c.Right(), c.Account, c.Person, c.State, c.Reason, c.Due})
		}
	}
	return out
}

// itemRecords keeps what newly waits for approval.
func (p *Plan) itemRecords() iter.Seq[Record] {
	return func(yield func(Record) bool) {
		for part := range chunks(p.newItems(), notePart, func(_, _ *Fact) bool { return false }) {
			if !yield(Record{Kind: KindNote, Set: part}) {
				return
			}
		}
	}
}

func (p *Plan) newItems() iter.Seq[Fact] {
	return func(yield func(Fact) bool) {
		for i := range p.Changes {
			if c := &p.Changes[i]; c.waits && !yield(c.item(p.now).fact()) {
				return
			}
		}
	}
}

func (p *Plan) intentRecords(run, actor string) iter.Seq[Record] {
	return func(yield func(Record) bool) {
		for i := range p.Changes {
			c := &p.Changes[i]
			if c.State == Ready && c.Queued == 0 && !yield(p.intentRecord(c, run, actor)) {
				return
			}
		}
	}
}

func (p *Plan) intentRecord(c *Change, run, actor string) Record {
	r := IntentRecord(run, actor, p.sources.of(c.Person), *c, c.class())
	if c.Op == OpAdopt {
		r.Kind, r.Class = KindAdopt, ""
	}
	if c.note != nil {
		r.Set = append(r.Set, *c.note)
	}
	if c.Item != "" { // an approval is used once
		r.Clear = append(r.Clear, FactKey{Kind: FactItem, Key: c.Item})
	}
	return r
}
