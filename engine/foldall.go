package engine

import (
	"iter"
	"maps"
)

// Holdings is all that is managed or known to exist, in no order; the same goes for what follows.
func (f *Fold) Holdings() iter.Seq2[Held3, *HoldingState] { return maps.All(f.holdings) }

// Links are the current links.
func (f *Fold) Links() iter.Seq2[LinkKey, Link] { return maps.All(f.links) }

// Open are the open intents by Seq.
func (f *Fold) Open() iter.Seq2[int64, *Intent] { return maps.All(f.open) }

// Facts are the facts that hold.
func (f *Fold) Facts() iter.Seq2[FactKey, Fact] {
	return func(yield func(FactKey, Fact) bool) {
		for key, fact := range f.facts {
			if !yield(key, *fact) {
				return
			}
		}
	}
}

// Baselines are the programs of which a complete read was recorded once.
func (f *Fold) Baselines() iter.Seq[string] { return maps.Keys(f.baseline) }

// TakeHolding gives a holding and forgets it. A fold from which something was taken can't go on, unless it is one of FoldOnly and what
// was taken is named by no record that follows.
func (f *Fold) TakeHolding(k Held3) (h HoldingState, ok bool) {
	if p := f.holdings[k]; p != nil {
		delete(f.holdings, k)
		return *p, true
	}
	return HoldingState{}, false
}

// TakeOpen gives an open intent and forgets it, as TakeHolding does.
func (f *Fold) TakeOpen(seq int64) (i Intent, ok bool) {
	if p := f.open[seq]; p != nil {
		delete(f.open, seq)
		return *p, true
	}
	return Intent{}, false
}

// DropFact forgets a fact, as TakeHolding does.
func (f *Fold) DropFact(k FactKey) {
	f.own()
	delete(f.facts, k)
}
