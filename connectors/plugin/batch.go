package plugin

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/rolecall/rolecall/engine"
)

// Apply hands changes over, as many at once as the plug-in declares and as fit into one line.
func (p *Batched) Apply(ctx context.Context, calls []engine.Call) []engine.Result {
	out := make([]engine.Result, len(calls))
	s, err := p.session(ctx, wants(calls...))
	var asked []*change
	var of []int
	for i, c := range calls {
		if err != nil {
			out[i] = engine.Result{Outcome: engine.Failed, Err: err}
			continue
		}
		if c.Grant && c.Entitlement == engine.Exists && c.New == nil {
			out[i].Outcome, out[i].Err = p.exists(ctx, c.Account)
			continue
		}
		q, err := s.question(c)
		if err != nil {
			out[i] = engine.Result{Outcome: engine.Refused, Err: err}
			continue
		}
		asked, of = append(asked, q), append(of, i)
	}
	for from := 0; from < len(asked); {
		to := from + portion(asked[from:], max(1, s.can.Batch))
		results := s.together(ctx, asked[from:to])
		if s.missed(ctx, results[0].Err) {
			if another, err := p.session(ctx, wants(calls...)); err == nil {
				s = another
				results = s.together(ctx, asked[from:to])
			}
		}
		for n, r := range results {
			out[of[from+n]] = r
		}
		from = to
	}
	return out
}

// portion is how many of these changes go into one call; at least one.
func portion(changes []*change, most int) int {
	size := 0
	for n, c := range changes {
		text, err := json.Marshal(c)
		if size += len(text) + 1; n > 0 && (n == most || err != nil || size > maxLine/2) {
			return n
		}
	}
	return min(most, len(changes))
}

// together makes one call for several changes: what is wrong with the answer is wrong for all of them.
func (s *session) together(ctx context.Context, changes []*change) []engine.Result {
	out := make([]engine.Result, len(changes))
	all := func(r engine.Result) []engine.Result {
		for i := range out {
			out[i] = r
		}
		return out
	}
	answer, err := s.answer(ctx, methodBatch, map[string]any{"changes": changes})
	if err != nil {
		return all(failure(err))
	}
	var got struct {
		Results []changed `json:"results"`
	}
	if err := s.decode(methodBatch, answer, &got); err != nil {
		return all(engine.Result{Outcome: engine.Uncertain, Err: err})
	}
	if len(got.Results) != len(changes) {
		return all(engine.Result{Outcome: engine.Uncertain, Err: s.fail(fmt.Errorf("it gives %d results for %d changes", len(got.Results), len(changes)))})
	}
	for i := range changes {
		if err := got.Results[i].check(changes[i]); err != nil { // then none of them can be trusted
			return all(s.result(changes[i], &got.Results[i]))
		}
	}
	for i, q := range changes {
		out[i] = s.result(q, &got.Results[i])
	}
	return out
}
