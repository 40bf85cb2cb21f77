package period

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// Start is what the records up to one come to, where these were pruned.
type Start struct {
	engine.Position
	Tenures map[engine.Held3]engine.Tenure // that were not over
	People  []string                       // of whom anything was known
	Blanked int                            // lines of the snapshot
	Pruned  engine.Pruned
}

// Stayed takes a record in that stayed whole where those around it were pruned; Begin must follow.
func (b *Builder) Stayed(r engine.Record, blanked bool) error {
	if blanked {
		b.gaps.count("blanked", r.Seq)
		return nil
	}
	switch r.Kind {
	case engine.KindPolicy, engine.KindConfig:
		b.version(&r)
	case engine.KindIntent:
		return b.intent(&r)
	}
	return nil
}

// Begin goes on from a snapshot instead of from nothing. The period must not begin before it.
func (b *Builder) Begin(s *Start) error {
	if b.out.From.Before(s.Pruned.Before) {
		return fmt.Errorf("the period begins before what is known: %s", s.Pruned.String())
	}
	b.out.Last, b.out.Latest = s.Seq, s.Time
	b.fold, b.tenures.Open = engine.FoldAt(s.Position), s.Tenures
	for key := range s.Tenures {
		b.live[key.Program]++
	}
	for _, key := range s.People {
		b.first[key] = s.Seq
	}
	b.remembered(s.Facts)
	b.goOn(s)
	b.pruned(s)
	return nil
}

// remembered takes in what was known when the records were pruned.
func (b *Builder) remembered(facts []engine.Fact) {
	for i := range facts {
		b.facts(&engine.Record{Set: facts[i : i+1]})
		switch f := &facts[i]; f.Kind {
		case engine.FactItem:
			if item := b.items[f.Key]; item.State == engine.Approved {
				b.approvals[f.Key] = &Step{Time: item.At, By: item.By, What: string(engine.KindApprove), Why: item.Note}
			}
		case engine.FactReview:
			var is engine.Review
			if json.Unmarshal(f.Data, &is) == nil {
				b.reviewOf(is.Name).is = is
			}
		case engine.FactLine:
			l := engine.LineOf(*f)
			b.reviewOf(l.Review).lines[l.ID] = &Line{ReviewLine: l}
		}
	}
}

func (b *Builder) reviewOf(name string) *review {
	if b.reviews[name] == nil {
		b.reviews[name] = &review{lines: map[string]*Line{}}
	}
	return b.reviews[name]
}

// goOn leaves of the changes those that were open; the others stayed for another reason.
func (b *Builder) goOn(s *Start) {
	open := map[int64]bool{}
	for i := range s.Open {
		open[s.Open[i].Seq] = true
	}
	for seq, c := range b.open {
		if !open[seq] {
			delete(b.open, seq)
			continue
		}
		b.reason(c)
	}
}

// pruned says what nobody can know of before.
func (b *Builder) pruned(s *Start) {
	p, day := &s.Pruned, s.Pruned.Before.UTC().Format(time.RFC3339)
	whole := int64(0)
	for _, stretch := range p.Kept {
		whole += stretch[1] - stretch[0] + 1
	}
	b.gaps.add(Gap{Code: "pruned", N: int(p.UpTo - whole), Record: p.Record, What: "records of which nothing but the hash is here: " + p.String() +
		"; who had what then is what the snapshot says that the key signed with that record, and nobody can derive it any more"})
	b.gaps.add(Gap{Code: "pruned", N: 1, Record: p.Record, What: "of what began before " + day + " and went on after it: who approved it, since when there was a reason, since when a leaver kept something, and what was decided in a review and changed again"})
	b.gaps.add(Gap{Code: "pruned", N: 1, Record: p.Record, What: "complete reads of directories and programs before " + day + ": a source that was not read since is in no count"})
	if s.Blanked > 0 {
		b.gaps.add(Gap{Code: "blanked", N: s.Blanked, Record: p.Record, What: "lines of the snapshot that were blanked: who they name, and what was remembered of them, is not known"})
	}
}
