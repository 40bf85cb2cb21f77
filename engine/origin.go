package engine

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"
)

// Origin is how a holding came to be: why, as it was recorded then, and who decided on it.
type Origin struct {
	Record   int64     `json:"record,omitempty"`   // of the decision: the intent, or the adoption; 0: there was none
	Why      []string  `json:"why,omitempty"`      // role, job and directory entry, as they were
	By       string    `json:"by,omitempty"`       // who ran or decided it
	Approved *Approval `json:"approved,omitempty"` // nil: nobody had to approve it
	Pruned   bool      `json:"pruned,omitempty"`   // the records that say it are not there any more
}

// Approval is somebody's decision that something may be done.
type Approval struct {
	By     string    `json:"by"`
	Reason string    `json:"reason"`
	At     time.Time `json:"at"`
	Record int64     `json:"record"`
}

// Origins finds them for lines of an as-of answer, in their order. Each takes up to three readings of single records.
func Origins(ctx context.Context, log Log, held []Held) ([]Origin, error) {
	o, out := origins{ctx, log, map[int64]*Record{}, map[int64]*Approval{}}, make([]Origin, len(held))
	for i := range held {
		one, err := o.of(&held[i])
		if errors.Is(err, ErrPruned) {
			one, err = Origin{Pruned: true}, nil
		}
		if out[i] = one; err != nil {
			return nil, err
		}
	}
	return out, nil
}

// origins remembers what was read: many lines began with the same record.
type origins struct {
	ctx      context.Context
	log      Log
	records  map[int64]*Record
	approved map[int64]*Approval
}

func (o *origins) of(h *Held) (out Origin, err error) {
	r, err := o.record(h.Record)
	if err == nil && r != nil && r.Of > 0 {
		r, err = o.record(r.Of)
	}
	if err != nil || r == nil || r.Kind != KindIntent && r.Kind != KindAdopt {
		return out, err
	}
	out = Origin{Record: r.Seq, Why: r.Why, By: r.Actor}
	out.Approved, err = o.approval(r)
	if errors.Is(err, ErrPruned) { // the rest is known
		err = nil
	}
	out.Pruned = r.Approved && out.Approved == nil
	return out, err
}

// record is one by its number, nil if it is not there.
func (o *origins) record(seq int64) (*Record, error) {
	if r, known := o.records[seq]; known {
		return r, nil
	}
	var found *Record
	err := o.log.Records(o.ctx, Query{After: seq - 1, Before: seq + 1, Limit: 1}, func(r Record) error {
		found = &r
		return nil
	})
	if err == nil {
		o.records[seq] = found
	}
	return found, err
}

// approvalsRead is how many approvals of a person in a program are looked through for the one of a change: one counts for a day.
const approvalsRead = 200

// approval is what let a change through, nil if nobody had to approve it.
func (o *origins) approval(intent *Record) (*Approval, error) {
	d, err := parseIntentData(intent.Data)
	if err != nil || d.Item == "" {
		return nil, nil //nolint:nilerr // blanked: what is left of it names nobody
	}
	if a, known := o.approved[intent.Seq]; known {
		return a, nil
	}
	var found *Approval
	q := Query{Kind: KindApprove, Program: intent.Program, Person: intent.Person, Before: intent.Seq, Newest: true, Limit: approvalsRead}
	err = o.log.Records(o.ctx, q, func(r Record) error {
		var item string
		if found == nil && json.Unmarshal(r.Data, &item) == nil && item == d.Item {
			found = &Approval{By: r.Actor, Reason: strings.Join(r.Why, "; "), At: r.Time.UTC(), Record: r.Seq}
		}
		return nil
	})
	if found != nil {
		err = nil // what lies before it is not needed
	}
	if err == nil {
		o.approved[intent.Seq] = found
	}
	return found, err
}
