package engine

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"
)

// Standing is what the newest runs of everything came to, as the journal knows it: the same on every machine, and after a
// restart. The zero value knows nothing.
type Standing struct {
	Known    bool                 // there was a run
	Approval int                  // items that wait for approval now: changes, and what reads may be believed
	Blocked  int                  // changes of the newest run that are blocked
	Read     map[string]time.Time // by source of the newest run: when its last complete read ended, zero if none is known
	Partners map[string]time.Time // the same, by source that a source of the newest run is joined from
	seq      int64
}

// standingBack is how many runs the first look goes back for a complete read, and standingPage how many are read at once.
const (
	standingBack = 200
	standingPage = 10
)

// Look brings the standing up to date with the runs that were recorded since the last look, and with what waits.
func (s *Standing) Look(ctx context.Context, l ReviewLog) error {
	items, err := l.Facts(ctx, FactItem)
	if err != nil {
		return err
	}
	s.Approval = 0
	for _, f := range items {
		if ItemOf(f).State == Waiting {
			s.Approval++
		}
	}
	return s.Reads(ctx, l)
}

// Reads is Look without what waits.
func (s *Standing) Reads(ctx context.Context, l Log) error {
	if s.Known {
		return l.Records(ctx, Query{Kind: KindRun, After: s.seq}, s.newer)
	}
	q := Query{Kind: KindRun, Newest: true, Limit: standingPage}
	for looked := 0; looked < standingBack; looked += standingPage {
		n := 0
		err := l.Records(ctx, q, func(r Record) error {
			n++
			q.Before = r.Seq
			if !s.Known {
				return s.newer(r)
			}
			return s.older(r)
		})
		if errors.Is(err, ErrPruned) { // nothing older is there
			return nil
		}
		if err != nil || n < standingPage || s.Known && !slices.ContainsFunc(sortedTimes(s.Read, s.Partners), time.Time.IsZero) {
			return err
		}
	}
	return nil
}

func sortedTimes(all ...map[string]time.Time) (out []time.Time) {
	for _, of := range all {
		for _, t := range of {
			out = append(out, t)
		}
	}
	return out
}

// ranRecord is what a run record says of it. A run that was about one person or program only says nothing here.
type ranRecord struct {
	Proofs  []Proof
	Summary struct{ Blocked int }
}

func ranOf(r Record) (run ranRecord, whole bool, err error) {
	if !slices.ContainsFunc(r.Set, func(f Fact) bool { return f.Kind == FactRun }) {
		return run, false, nil
	}
	err = json.Unmarshal(r.Data, &run)
	if errors.As(err, new(*json.SyntaxError)) || len(r.Data) == 0 { // blanked
		return run, false, nil
	}
	return run, true, err
}

func (s *Standing) newer(r Record) error {
	s.seq = max(s.seq, r.Seq)
	run, whole, err := ranOf(r)
	if err != nil || !whole {
		return err
	}
	read, partners := map[string]time.Time{}, map[string]time.Time{}
	for i := range run.Proofs {
		p := &run.Proofs[i]
		readBy(p, read, s.Read)
		for n := range p.Partners {
			readBy(&p.Partners[n], partners, s.Partners)
		}
	}
	s.Known, s.Read, s.Partners, s.Blocked = true, read, partners, run.Summary.Blocked
	return nil
}

func readBy(p *Proof, read, before map[string]time.Time) {
	if read[p.Source] = before[p.Source]; p.Complete() {
		read[p.Source] = p.Finished
	}
}

func (s *Standing) older(r Record) error {
	run, _, err := ranOf(r)
	for i := range run.Proofs {
		p := &run.Proofs[i]
		stillUnread(p, s.Read)
		for n := range p.Partners {
			stillUnread(&p.Partners[n], s.Partners)
		}
	}
	return err
}

func stillUnread(p *Proof, read map[string]time.Time) {
	if at, asked := read[p.Source]; asked && at.IsZero() && p.Complete() {
		read[p.Source] = p.Finished
	}
}
