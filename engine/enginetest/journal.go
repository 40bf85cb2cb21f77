// Package enginetest holds what tests of the engine share: a journal in memory and the suite that every journal passes.
package enginetest

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// Journal is a journal in memory: engine.Fold with a lock around it. It implements engine.Journal, Outbox, Log and AsOf,
// uses no goroutine and no randomness, and is safe for concurrent use.
type Journal struct {
	mu      sync.Mutex
	now     func() time.Time
	epoch   int64
	fold    *engine.Fold
	records []engine.Record
	tenures *engine.Tenures
	leaves  parts
}

// NewJournal makes an empty journal with the given clock.
func NewJournal(now func() time.Time) *Journal {
	return &Journal{now: now, fold: engine.NewFold(), tenures: engine.NewTenures()}
}

// Append implements engine.Journal.
func (j *Journal) Append(ctx context.Context, g engine.Guard, records []engine.Record) error {
	kept, err := canonical(records)
	if err != nil {
		return err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if err := cmp.Or(ctx.Err(), g.Over(j.now()), j.fold.Admit(j.epoch, g, kept)); err != nil {
		return err
	}
	now := j.time()
	for i := range kept {
		if err := j.add(&kept[i], now); err != nil {
			return err
		}
		records[i].Seq, records[i].Time, records[i].Hash, records[i].Kind = kept[i].Seq, kept[i].Time, kept[i].Hash, kept[i].Kind
	}
	return nil
}

func canonical(records []engine.Record) ([]engine.Record, error) {
	kept := make([]engine.Record, len(records))
	for i, r := range records {
		var err error
		if kept[i], err = r.Canonical(); err != nil {
			return nil, err
		}
	}
	return kept, nil
}

// time is the clock's, and a microsecond after the last append while that is behind.
func (j *Journal) time() time.Time {
	now := engine.Instant(j.now())
	if n := len(j.records); n > 0 && now.Before(j.records[n-1].Time) {
		now = j.records[n-1].Time.Add(time.Microsecond)
	}
	return now
}

func (j *Journal) add(r *engine.Record, now time.Time) error {
	r.Seq, r.Time, r.Hash = int64(len(j.records))+1, now, ""
	before := ""
	if n := len(j.records); n > 0 {
		before = j.records[n-1].Hash
	}
	j.fold.Late(r)
	r.Hash = j.leaves.leaf(before, r)
	if err := j.fold.Apply(*r); err != nil {
		return err
	}
	j.tenures.Follow(j.fold, *r)
	if len(j.records) == cap(j.records) {
		j.records = slices.Grow(j.records, max(256, len(j.records)))
	}
	j.records = append(j.records, *r)
	return nil
}

// Memory implements engine.Journal.
func (j *Journal) Memory(ctx context.Context, since time.Time) (*engine.Memory, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	m := j.fold.Memory(since)
	m.Epoch = j.epoch
	return m, ctx.Err()
}

// Fact implements engine.FactReader.
func (j *Journal) Fact(ctx context.Context, k engine.FactKey) (engine.Fact, bool, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	f, ok := j.fold.Fact(k)
	return f, ok, ctx.Err()
}

// Facts are those of one kind that hold now, sorted by key.
func (j *Journal) Facts(ctx context.Context, kind string) ([]engine.Fact, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.fold.FactsOf(kind), ctx.Err()
}

// Lead implements engine.Journal.
func (j *Journal) Lead(ctx context.Context) (int64, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.epoch++
	return j.epoch, ctx.Err()
}

// Claim implements engine.Outbox.
func (j *Journal) Claim(ctx context.Context, r engine.ClaimRequest) ([]engine.Intent, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.fold.Claim(r), nil
}

// Records implements engine.Log. yield is called without the lock, so it may use the journal.
func (j *Journal) Records(ctx context.Context, q engine.Query, yield func(engine.Record) error) error {
	j.mu.Lock()
	from, to := min(max(q.After, 0), int64(len(j.records))), int64(len(j.records))
	if q.Before > 0 {
		to = max(from, min(to, q.Before-1))
	}
	all := slices.Clone(j.records[from:to])
	j.mu.Unlock()
	if q.Newest {
		slices.Reverse(all)
	}
	n := 0
	for _, r := range all {
		if !matches(q, r) {
			continue
		}
		if err := cmp.Or(ctx.Err(), yield(r)); err != nil {
			return err
		}
		if n++; n == q.Limit {
			break
		}
	}
	return nil
}

// matches is the meaning of engine.Query, but for order and limit.
func matches(q engine.Query, r engine.Record) bool {
	same := func(want, have string) bool { return want == "" || want == have }
	return r.Seq > q.After && (q.Before == 0 || r.Seq < q.Before) &&
		!r.Time.Before(q.From) && (q.To.IsZero() || r.Time.Before(q.To)) &&
		same(string(q.Kind), string(r.Kind)) && same(q.Run, r.Run) && same(q.Actor, r.Actor) && (q.Rule == "" || slices.Contains(r.Rules, q.Rule)) && same(q.Person, r.Person) &&
		same(q.Program, r.Program) && same(q.Account, r.Account) && same(string(q.Outcome), string(r.Outcome)) &&
		same(string(q.Op), string(r.Op)) && (q.Entitlement == nil || *q.Entitlement == r.Entitlement) && hasWords(q.Words, r)
}

// hasWords looks for words as they are written in JSON, since that is what the stores search.
func hasWords(words string, r engine.Record) bool {
	if words == "" {
		return true
	}
	text := plainJSON(r)
	for _, w := range strings.Fields(words) {
		if quoted := plainJSON(w); !strings.Contains(text, quoted[1:len(quoted)-1]) {
			return false
		}
	}
	return true
}

// plainJSON is JSON without escapes for HTML, ASCII letters in lower case.
func plainJSON(v any) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return ""
	}
	lower := func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}
	return strings.Map(lower, strings.TrimSpace(b.String()))
}
