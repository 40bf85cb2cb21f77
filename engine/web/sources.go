package web

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// source is one directory or program as it was read.
type source struct {
	Name     string
	Complete bool
	Count    int
	Finished time.Time
	Whole    time.Time // when the last complete read ended; zero: none is known
	Reasons  []engine.Reason
	partner  bool // that another source is joined from
}

// sources know of no other read than this.
func sources(proofs []engine.Proof) (out []source) {
	for i := range proofs {
		p := &proofs[i]
		out = append(out, sourceAs(p))
		for _, partner := range sources(p.Partners) {
			partner.partner = true
			out = append(out, partner)
		}
	}
	return out
}

func sourceAs(p *engine.Proof) source {
	s := source{Name: p.Source, Complete: p.Complete(), Count: p.Count, Finished: p.Finished, Reasons: p.Reasons}
	if s.Complete {
		s.Whole = p.Finished
	}
	return s
}

// reads is what the journal knows of complete reads: it is brought up to date where it is asked for.
type reads struct {
	mu    sync.Mutex
	known engine.Standing
}

// sourcesNow asks the journal only of what was not read completely this time.
func (s *Site) sourcesNow(ctx context.Context, proofs []engine.Proof) ([]source, error) {
	out := sources(proofs)
	if !slices.ContainsFunc(out, func(one source) bool { return !one.Complete }) {
		return out, nil
	}
	known, err := s.reads.upToDate(ctx, s.Journal())
	for i := range out {
		one := &out[i]
		switch {
		case one.Complete:
		case one.partner:
			one.Whole = known.Partners[one.Name]
		default:
			one.Whole = known.Read[one.Name]
		}
	}
	return out, err
}

// upToDate reads the runs since it was asked last. What a journal that fails told by half is forgotten.
func (r *reads) upToDate(ctx context.Context, log engine.Log) (engine.Standing, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	fresh := r.known
	if err := fresh.Reads(ctx, log); err != nil {
		return fresh, err
	}
	r.known = fresh
	return fresh, nil
}
