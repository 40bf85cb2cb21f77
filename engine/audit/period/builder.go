package period

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// Builder takes records in order, from the first of the journal. Not safe for concurrent use.
type Builder struct {
	out       Findings
	fold      *engine.Fold
	tenures   *engine.Tenures
	live      map[string]int // holdings known to exist, by program
	began     bool
	cases     []*Case         // of the period
	open      map[int64]*Case // also from before
	unread    map[string][]*Case
	items     map[string]engine.Item
	approvals map[string]*Step
	since     map[engine.FactKey]time.Time
	cleared   map[engine.FactKey]bool // of since, by the run under way
	just      []*Case                 // that the run under way has read back
	run       run
	people    map[string]*Person
	first     map[string]int64 // the first record of a person, 0: before the period
	policy    Version
	config    Version
	sources   map[string]*source
	order     []string
	gaps      gaps
	reviews   reviews
	kept      map[place]*keeping
}

// New begins with nothing.
func New(from, to time.Time) *Builder {
	return &Builder{out: Findings{From: from.UTC(), To: to.UTC()}, fold: engine.NewFold(), tenures: engine.NewTenures(), live: map[string]int{},
		open: map[int64]*Case{}, unread: map[string][]*Case{}, items: map[string]engine.Item{}, approvals: map[string]*Step{},
		since: map[engine.FactKey]time.Time{}, cleared: map[engine.FactKey]bool{}, people: map[string]*Person{}, first: map[string]int64{}, sources: map[string]*source{}, gaps: gaps{}, reviews: reviews{}, kept: map[place]*keeping{}}
}

// Add takes the next record in. What was blanked of one is not there: it counts, and means nothing.
func (b *Builder) Add(r engine.Record, blanked bool) error {
	switch {
	case r.Time.Before(b.out.Latest):
		return fmt.Errorf("record %d is from before the one in front of it", r.Seq)
	case !r.Time.Before(b.out.To):
		return fmt.Errorf("record %d is from after the period", r.Seq)
	}
	b.out.Last, b.out.Latest = r.Seq, r.Time
	if !b.began && !r.Time.Before(b.out.From) {
		b.begin(r.Seq)
	}
	if blanked {
		b.gaps.count("blanked", r.Seq)
		return b.fold.Apply(engine.Record{Seq: r.Seq, Time: r.Time, Kind: engine.KindNote})
	}
	before := len(b.tenures.Open)
	if err := b.fold.Apply(r); err != nil {
		return err
	}
	b.tenures.Follow(b.fold, r)
	b.held(&r, len(b.tenures.Open)-before)
	b.facts(&r)
	return b.take(&r)
}

// begin makes cases of what is open when the period begins.
func (b *Builder) begin(seq int64) {
	b.began, b.out.First = true, seq
	for _, n := range sorted(b.open) {
		b.cases = append(b.cases, b.open[n])
	}
	for who := range b.first {
		b.first[who] = 0
	}
	for _, v := range []struct {
		now  Version
		into *[]Version
	}{{b.policy, &b.out.Policies}, {b.config, &b.out.Configs}} {
		if v.now.Seq > 0 {
			*v.into = append(*v.into, v.now)
		}
	}
}

func (b *Builder) take(r *engine.Record) error {
	if _, known := b.first[r.Person]; !known && r.Person != "" && r.Kind != engine.KindNote {
		b.first[r.Person] = r.Seq
	}
	switch r.Kind {
	case engine.KindRun:
		return b.ran(r)
	case engine.KindIntent, engine.KindAdopt:
		return b.intent(r)
	case engine.KindOutcome, engine.KindLate:
		b.outcome(r)
	case engine.KindSeen:
		return b.seen(r)
	case engine.KindPolicy, engine.KindConfig:
		b.version(r)
	case engine.KindApprove:
		b.approvals[itemOf(r)] = step(r, string(r.Kind))
	}
	b.reviewed(r)
	b.decision(r)
	return nil
}

// facts remembers since when there was a reason for what comes later.
func (b *Builder) facts(r *engine.Record) {
	for _, f := range r.Set {
		switch f.Kind {
		case engine.FactUndesired, engine.FactAbsent, engine.FactWaiting, engine.FactExtra:
			b.since[f.FactKey] = f.Since
			delete(b.cleared, f.FactKey)
		case engine.FactItem:
			b.item(r, f)
		}
	}
	for _, k := range r.Clear { // the intents of the same run still follow from it
		b.cleared[k] = true
	}
}

func (b *Builder) item(r *engine.Record, f engine.Fact) {
	var i engine.Item
	if json.Unmarshal(f.Data, &i) != nil {
		return
	}
	i.Since = f.Since
	b.items[f.Key] = i
	if i.State == engine.Waiting {
		delete(b.approvals, f.Key)
	}
	if b.began && leaving(i.Change.Cause) && i.Change.Person != "" {
		p := b.person(i.Change.Person, i.Change.Login, i.Change.Name)
		p.leaves(f.Since)
		p.Note = "something waits, or waited, for approval"
	}
	if b.began && r.Kind == engine.KindNote {
		b.gaps.count("held", r.Seq)
	}
}

func (b *Builder) version(r *engine.Record) {
	v := Version{Seq: r.Seq, Time: r.Time, Actor: r.Actor, Why: text(r.Why), Data: r.Data}
	var named struct{ Hash string }
	_ = json.Unmarshal(r.Data, &named) // nothing then
	v.Hash = named.Hash
	now, list := &b.policy, &b.out.Policies
	if r.Kind == engine.KindConfig {
		now, list = &b.config, &b.out.Configs
	}
	if *now = v; b.began {
		*list = append(*list, v)
	}
}
