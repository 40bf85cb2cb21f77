package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// ReviewDecision is what a reviewer says of lines of one review.
type ReviewDecision struct {
	Review string
	Lines  []string // ids
	Keep   bool     // else they are revoked
	Reason string
	Until  time.Time // last day of an extra; zero: the review's
}

// blockLook is how long after a review somebody should look again at the blocks that it led to.
const blockLook = 365 * 24 * time.Hour

// DecideReview records decisions, each with what it becomes in the next plan: nothing where policy and reviewer agree, an extra for what
// is kept beyond policy, and a revocation, with a block where policy gives it. On accounts that are not personal policy says nothing:
// what is kept there stays as it is. All or none are recorded, and none on what has changed since it was put up. Nobody decides on
// their own access.
func (e *Engine) DecideReview(ctx context.Context, actor string, d ReviewDecision) ([]ReviewLine, error) {
	if strings.TrimSpace(d.Reason) == "" {
		return nil, ErrNoReason
	}
	for try := 0; ; try++ {
		lines, err := e.decideReview(ctx, actor, &d)
		if try < 3 && errors.Is(err, ErrStale) { // a run came in between
			continue
		}
		return lines, err
	}
}

func (e *Engine) decideReview(ctx context.Context, actor string, d *ReviewDecision) ([]ReviewLine, error) {
	mem, err := e.Journal.Memory(ctx, e.Now())
	if err != nil {
		return nil, err
	}
	review, lines, err := mem.pickLines(d)
	if err != nil || len(lines) == 0 {
		return nil, err
	}
	if err := e.mayReview(ctx, actor, lines); err != nil {
		return nil, err
	}
	judge, err := e.judge(ctx, &review, mem)
	if err != nil {
		return nil, err
	}
	records := make([]Record, 0, len(lines))
	for i := range lines {
		if err := judge.stillSo(ctx, actor, &lines[i], d); err != nil {
			return nil, err
		}
		facts, err := judge.becomes(actor, &lines[i], d)
		if err != nil {
			return nil, err
		}
		records = append(records, lines[i].record(actor, []string{d.Reason}, facts...))
	}
	if err := judge.forbids(records, lines); err != nil {
		return nil, err
	}
	return lines, e.Journal.Append(ctx, Guard{Control: mem.Control}, records)
}

// pickLines are the named ones that are still open.
func (m *Memory) pickLines(d *ReviewDecision) (r Review, lines []ReviewLine, err error) {
	f, ok := m.Fact(FactKey{Kind: FactReview, Key: d.Review})
	if !ok {
		return r, nil, fmt.Errorf("%w: %s", ErrNoReview, quote(d.Review))
	}
	wanted := map[string]bool{}
	for _, id := range d.Lines {
		wanted[id] = true
	}
	for f := range m.each(FactLine) {
		if f.Key != d.Review {
			continue
		}
		l := LineOf(f)
		if !wanted[l.ID] {
			continue
		}
		delete(wanted, l.ID)
		switch l.State {
		case LineKept, LineRevoked:
			return r, nil, fmt.Errorf("%w: %s was decided by %s", ErrDecided, l.ID, l.By)
		case LineOver:
			return r, nil, fmt.Errorf("%w: %s %s", ErrOver, l.ID, l.Reason)
		}
		lines = append(lines, l)
	}
	for _, id := range d.Lines {
		if wanted[id] {
			return r, nil, fmt.Errorf("%w: %s", ErrNoLine, quote(id))
		}
	}
	return reviewOf(f), lines, nil
}

// mayReview refuses who decides on their own access, or, where they are asked for some lines only, on others.
func (e *Engine) mayReview(ctx context.Context, actor string, lines []ReviewLine) error {
	for i := range lines {
		l := &lines[i]
		c := &Change{Person: l.Person, Program: l.Program, Account: l.Account, Entitlement: l.Entitlement}
		switch {
		case e.isOwn(actor, l.Person, l.Login):
			return e.refuse(ctx, actor, ErrOwnAccess, c, l.ID)
		case e.by.Asked && !slices.Contains(l.Reviewers, e.by.Person):
			return e.refuse(ctx, actor, ErrNotReviewer, c, l.ID)
		}
	}
	return nil
}

// CloseReview ends a review. What nobody decided stays as it is, and the record says how much that is.
func (e *Engine) CloseReview(ctx context.Context, actor, name, reason string) (Review, error) {
	if strings.TrimSpace(reason) == "" {
		return Review{}, ErrNoReason
	}
	mem, err := e.Journal.Memory(ctx, e.Now())
	if err != nil {
		return Review{}, err
	}
	f, ok := mem.Fact(FactKey{Kind: FactReview, Key: name})
	if !ok {
		return Review{}, fmt.Errorf("%w: %s", ErrNoReview, quote(name))
	}
	r := reviewOf(f)
	r.Progress, r.Closed, r.ClosedBy, r.Why = Progress{}, e.Now().UTC(), actor, reason
	var keys []FactKey
	for _, l := range mem.Facts(FactLine) {
		if l.Key == name {
			r.add(LineState(l.Text))
			keys = append(keys, l.FactKey)
		}
	}
	records := []Record{{Kind: KindReview, Actor: actor, Why: []string{reason}, Data: mustJSON(r), Clear: []FactKey{f.FactKey}}}
	for part := range slices.Chunk(keys, notePart) {
		records = append(records, Record{Kind: KindNote, Actor: actor, Clear: part})
	}
	return r, e.Journal.Append(ctx, Guard{Control: mem.Control}, records)
}

// EndBlock ends a block that a review led to; what policy gives comes back with the next run.
func (e *Engine) EndBlock(ctx context.Context, actor, person, entitlement, reason string) error {
	if strings.TrimSpace(reason) == "" {
		return ErrNoReason
	}
	who, err := e.Find(ctx, person)
	if err != nil {
		return err
	}
	mem, err := e.Journal.Memory(ctx, e.Now())
	if err != nil {
		return err
	}
	t := ParseEntitlement(entitlement)
	key := FactKey{Kind: FactBlock, Person: who.Key, Program: t.Program, Entitlement: t.Name}
	if _, ok := mem.Fact(key); !ok {
		return fmt.Errorf("%w: %s of %s", ErrNoBlock, quote(entitlement), quote(person))
	}
	if e.isOwn(actor, who.Key, who.Login()) {
		return e.refuse(ctx, actor, ErrOwnAccess, &Change{Op: OpGrant, Person: who.Key, Program: t.Program, Entitlement: t.String()}, nil)
	}
	return e.Journal.Append(ctx, Free, []Record{{Kind: KindUnblock, Actor: actor, Person: who.Key, Program: t.Program, Entitlement: t.Name, Why: []string{reason}, Clear: []FactKey{key}}})
}
