package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Blanker is what a journal can besides: deleting what is personal in its records.
type Blanker interface {
	// Subject is what the records know of somebody whose keys these are; one of whom nothing is recorded has no number.
	Subject(ctx context.Context, people []string) (Subject, error)
	// Blank writes the records, of which the last one gets the subject's Blanking, and, in the same transaction, deletes the personal part
	// of all records about the people and about their accounts, with the names by which the tables know both. Public parts and leaves
	// stay, so that every proof stays. ErrStale as for Append, where anything at all was written since the subject was asked for, and where
	// anything is left of it: an open intent, a holding, a fact.
	Blank(ctx context.Context, g Guard, of Subject, records []Record) (Blanked, error)
}

// Subject is whom a blanking is about, as the records knew them at one moment. Those of everybody else must mean the same afterwards.
type Subject struct {
	Seq      int64       // of the last record then
	People   []string    // the keys that the records know
	Accounts [][2]string // program and account: theirs, now or ever, and nobody else's
	Blanking Blanking
	Set      []Fact    // of others, which hold by what records about the subject say
	Clear    []FactKey // of others, which do not hold by what records about the subject say
}

// Blanked is what a blanking did.
type Blanked struct {
	Records int      // whose personal part is gone
	Remains []string // where something of it may still be on the disk, and what to do about it
}

// Blanking is the Data of a KindBlank record. It has no name of whom it is about.
type Blanking struct {
	Person   string           `json:"person"` // as the records show it from then on, "#12"
	Last     time.Time        `json:"last"`   // of the newest record that was blanked
	People   []int64          `json:"people"` // the numbers of all their keys
	Accounts []BlankedAccount `json:"accounts,omitempty"`
	Known    int64            `json:"known"`            // number of accounts that the records knew then
	Ended    [][2]int64       `json:"ended,omitempty"`  // facts of theirs that ended, but the record that says so is blanked: the record and the place in its Set
	Actors   []string         `json:"actors,omitempty"` // who decided what was blanked
	Lines    []int64          `json:"lines,omitempty"`  // of the snapshot of a pruning: facts of theirs, which were blanked too
}

// BlankedAccount is an account that was blanked.
type BlankedAccount struct {
	Number int64 `json:"number"`
	Listed bool  `json:"listed,omitempty"` // it is in what reads of its program showed, which stays
}

// BlankOrder is what somebody wants blanked.
type BlankOrder struct {
	Actor, Person, Reason string
	After                 time.Duration // the newest record about the person must be older
}

// ErrNotBlanked says why nothing was blanked.
var ErrNotBlanked = errors.New("nothing was blanked")

// blankTries is how often it is begun anew where something was written meanwhile.
const blankTries = 3

// Blank deletes what the records know of somebody who is gone: who has left by the directory, as runs judge it, has no account in any
// program, for whom nothing waits, and who is under no legal hold. What is decided about them and still counts, such as a cut or a block,
// must be ended first, since it could not be found any more. It can't be undone.
func (e *Engine) Blank(ctx context.Context, log Log, o BlankOrder) (Blanking, Blanked, error) {
	if strings.TrimSpace(o.Reason) == "" {
		return Blanking{}, Blanked{}, ErrNoReason
	}
	journal, can := e.Journal.(Blanker)
	if !can {
		return Blanking{}, Blanked{}, fmt.Errorf("%w: this journal can't", ErrNotBlanked)
	}
	s, err := e.Snapshot(ctx)
	if err != nil {
		return Blanking{}, Blanked{}, err
	}
	b := blanking{engine: e, journal: journal, log: log, order: o, seen: s}
	for range blankTries {
		if b.done, err = b.try(ctx); !errors.Is(err, ErrStale) {
			break
		}
	}
	if errors.Is(err, ErrStale) {
		err = fmt.Errorf("%w, since records are written all the time; try again when no run is under way: %w", ErrNotBlanked, err)
	}
	return b.of.Blanking, b.done, err
}

// blanking is one on its way.
type blanking struct {
	engine  *Engine
	journal Blanker
	log     Log
	order   BlankOrder
	seen    *Snapshot
	of      Subject
	done    Blanked
}

// try does it on what the journal says now.
func (b *blanking) try(ctx context.Context) (Blanked, error) {
	mem, err := b.engine.Journal.Memory(ctx, b.engine.Now())
	if err != nil {
		return Blanked{}, err
	}
	people := mem.KeysOf(b.order.Person)
	if b.of, err = b.journal.Subject(ctx, people); err != nil {
		return Blanked{}, err
	}
	if b.of.Blanking.Person == "" {
		return Blanked{}, fmt.Errorf("%w: %s", ErrUnknownPerson, quote(b.order.Person))
	}
	if b.of.Seq != mem.Seq {
		return Blanked{}, fmt.Errorf("%w (record %d)", ErrStale, b.of.Seq)
	}
	if err := b.seen.left(people, mem); err != nil {
		return Blanked{}, err
	}
	ends, err := b.loose(mem, people)
	if err == nil {
		err = b.old(ctx)
	}
	if err != nil {
		return Blanked{}, err
	}
	o := &b.order
	records := []Record{{Kind: KindNote, Actor: o.Actor, Person: people[0], Clear: ends}} // itself blanked: it names them
	records = append(records, b.of.others(o.Actor)...)
	return b.journal.Blank(ctx, Guard{Control: mem.Control}, b.of, append(records, Record{Kind: KindBlank, Actor: o.Actor, Why: []string{o.Reason}}))
}

// old says that something is too new, or that it would hide who decided.
func (b *blanking) old(ctx context.Context) (err error) {
	pruned, err := PrunedOf(ctx, b.log)
	if err != nil {
		return err
	}
	for _, person := range b.of.People {
		at, err := newest(ctx, b.log, person)
		if err != nil {
			return err
		}
		if pruned != nil && at.Before(pruned.Before) && b.order.After > 0 && b.engine.Now().Sub(pruned.Before) < b.order.After {
			return fmt.Errorf("%w: when something was last recorded about %s is not known, since %w, and %s are waited for", ErrNotBlanked, quote(b.order.Person), pruned, plural(int(b.order.After/(24*time.Hour)), "day", "days"))
		}
		if at.After(b.of.Blanking.Last) {
			b.of.Blanking.Last = at
		}
	}
	o, last := &b.order, b.of.Blanking.Last
	if age := b.engine.Now().Sub(last); o.After > 0 && age < o.After { // a clock may be behind the journal, and who forces it does not ask
		return fmt.Errorf("%w: the newest record about %s is of %s, and %s are waited for", ErrNotBlanked, quote(o.Person), last.Format(time.DateOnly), plural(int(o.After/(24*time.Hour)), "day", "days"))
	}
	if o.After <= 0 && slices.Contains(b.of.Blanking.Actors, o.Actor) {
		return fmt.Errorf("%w: %s decided some of what would be blanked; wait until it is old enough, or have it done by somebody else", ErrNotBlanked, quote(o.Actor))
	}
	return nil
}

// others are the records that say again what of others only blanked ones would say: one each, so that it can be blanked with its own person.
func (of *Subject) others(actor string) (records []Record) {
	for _, f := range of.Set {
		records = append(records, Record{Kind: KindNote, Actor: actor, Person: f.Person, Program: f.Program, Account: f.Account, Set: []Fact{f}})
	}
	for _, k := range of.Clear {
		records = append(records, Record{Kind: KindNote, Actor: actor, Person: k.Person, Program: k.Program, Account: k.Account, Clear: []FactKey{k}})
	}
	return records
}

// KeysOf are all keys of somebody who is named by one of them; first the one by which the journal knows them.
func (m *Memory) KeysOf(person string) []string {
	known := m.Known(person)
	keys := []string{known}
	for f := range m.each(FactReKeyed) {
		if f.Person == known && f.Key != known {
			keys = append(keys, f.Key)
		}
	}
	return keys
}

// left says why somebody has not: whom the directory shows would be in the next records again, and whom a read does not show may be
// there, so that it takes a mark there, or an absence that counted as leaving.
func (s *Snapshot) left(people []string, mem *Memory) error {
	name, marked := quote(people[0]), false
	for i := range s.People {
		p := &s.People[i]
		switch {
		case !slices.Contains(people, p.Key) && (p.NewKey == "" || !slices.Contains(people, p.NewKey)):
		case p.State != StateLeft:
			return fmt.Errorf("%w: %s is in the directory (%s)", ErrNotBlanked, name, p.State)
		default:
			marked = p.Marked
			if !marked {
				return fmt.Errorf("%w: %s is in the directory, and no mark says that they have left", ErrNotBlanked, name)
			}
		}
	}
	if !s.Proof.Complete() {
		return fmt.Errorf("%w, since the directory was not read completely and may have %s: %s", ErrNotBlanked, name, reasonsText(s.Proof.Reasons))
	}
	if absent, ok := mem.Fact(FactKey{Kind: FactAbsent, Person: people[0]}); !marked && (!ok || absent.Until.IsZero()) {
		return fmt.Errorf("%w: %s is not in the directory, but that does not count as having left yet; mark them as left there, or wait for the runs that confirm it", ErrNotBlanked, name)
	}
	return nil
}

// newest is when something was last recorded about somebody.
func newest(ctx context.Context, log Log, person string) (at time.Time, err error) {
	err = log.Records(ctx, Query{Person: person, Newest: true, Limit: 1}, func(r Record) error {
		at = r.Time
		return nil
	})
	return at, err
}

// passing are the kinds of facts that only serve what somebody has, or had: they mean nothing for who has nothing.
func passing() []string {
	return []string{FactUndesired, FactMissing, FactLost, FactAbsent, FactSuspended, FactTaken, FactContested, FactFailing, FactUndone, FactFormer, FactWaiting, FactLeaving, FactReKeyed, FactExpiry, FactTold}
}

// loose are the facts that end with somebody of whom nothing is left; the error names what is.
func (b *blanking) loose(m *Memory, people []string) (ends []FactKey, err error) {
	mine := map[[2]string]bool{}
	for _, a := range b.of.Accounts {
		mine[a] = true
	}
	person := people[0]
	if err := b.seen.nothingOf(m, people, mine); err != nil {
		return nil, err
	}
	for _, kind := range m.FactKinds() {
		for f := range m.each(kind) {
			over := f.Kind == FactExtra && b.engine.Now().After(f.Until.AddDate(0, 0, 2)) // in whatever zone
			switch theirs := f.FactKey.Of(people, mine); {
			case theirs && (over || slices.Contains(passing(), f.Kind)):
				ends = append(ends, f.FactKey)
			case theirs || f.names(people):
				return nil, fmt.Errorf("%w: %s", ErrNotBlanked, stands(person, &f))
			}
		}
	}
	return ends, nil
}

// Of says whether a fact is one of somebody with these keys, or of one of these accounts (program and account), which is theirs.
func (k FactKey) Of(people []string, mine map[[2]string]bool) bool {
	return k.Person != "" && slices.Contains(people, k.Person) || k.Account != "" && mine[[2]string{k.Program, k.Account}]
}

// names says whether a fact of somebody else has one of the people in it: as a stand-in, or in its data. That ends nothing, and nobody
// is blanked who is meant.
func (f *Fact) names(people []string) bool {
	return slices.ContainsFunc(people, func(person string) bool {
		name, err := json.Marshal(person)
		return err != nil || f.Kind == FactDelegate && f.Key == person || bytes.Contains(f.Data, name)
	})
}

// nothingOf names what somebody still has, or what is being done about it: by what is remembered, and by the last read.
func (s *Snapshot) nothingOf(m *Memory, people []string, mine map[[2]string]bool) error {
	person := quote(people[0])
	has := map[[2]string]bool{}
	for _, name := range slices.Sorted(maps.Keys(m.Programs)) {
		p := m.Programs[name]
		for i := range p.Rows {
			has[[2]string{name, p.Accounts[p.Rows[i].Account]}] = true
		}
	}
	for _, r := range s.Readings {
		for _, i := range r.held.Accounts() {
			has[[2]string{r.Program.Name, r.accounts.Name(i)}] = true
		}
	}
	linked := m.linkedTo(people)
	for _, a := range slices.SortedFunc(maps.Keys(has), func(a, b [2]string) int { return slices.Compare(a[:], b[:]) }) {
		if mine[a] || linked[a] {
			return fmt.Errorf("%w: %s still has the account %s in %s; delete it there first", ErrNotBlanked, person, quote(a[1]), a[0])
		}
	}
	for _, r := range s.Readings {
		had := func(a [2]string) bool { return a[0] == r.Program.Name }
		if !r.Proof.Complete() && (slices.ContainsFunc(slices.Collect(maps.Keys(mine)), had) || slices.ContainsFunc(slices.Collect(maps.Keys(linked)), had)) {
			return fmt.Errorf("%w, since %s had an account in %s, which can't be read completely now: %s", ErrNotBlanked, person, r.Program.Name, reasonsText(r.Proof.Reasons))
		}
	}
	for i := range m.Open {
		if c := &m.Open[i].Change; slices.Contains(people, c.Person) || mine[[2]string{c.Program, c.Account}] {
			return fmt.Errorf("%w: a change for %s is under way in %s; wait until it is made", ErrNotBlanked, person, c.Program)
		}
	}
	return nil
}

// linkedTo are the accounts by which programs know somebody now.
func (m *Memory) linkedTo(people []string) map[[2]string]bool {
	linked := map[[2]string]bool{}
	for name, p := range m.Programs {
		for _, l := range p.Links {
			if slices.Contains(people, l.Person) {
				linked[[2]string{name, l.Account}] = true
			}
		}
	}
	return linked
}

// stands says what still counts of somebody.
func stands(person string, f *Fact) string {
	switch f.Kind {
	case FactHold:
		return quote(person) + " is under a legal hold; end it first, if it is over: rolecall person hold … --lift"
	case FactCut:
		return quote(person) + " is cut off, and would not be if they came back; lift it first: rolecall cut … --lift"
	}
	return fmt.Sprintf("something is still decided about %s (%s)", quote(person), f.Kind)
}

// blankedMark begins the names that tables have for who and what was blanked. No record may have such a name, so nobody else is ever
// taken for them.
const blankedMark = "\x1f"

// BlankedName is what tables have instead of the name of a number, and ShownName what is shown of a table's name.
func BlankedName(number int64) string { return fmt.Sprintf("%s#%d", blankedMark, number) }

// ShownName is the inverse as far as people need it: "#12".
func ShownName(name string) string {
	if proposed, is := ProposedName(name); is && strings.HasPrefix(proposed, blankedMark) {
		return ProposedPrefix + proposed[len(blankedMark):]
	}
	return strings.TrimPrefix(name, blankedMark)
}

// blankedName says that a name is one that only a blanking gives.
func blankedName(name string) bool {
	name = strings.TrimPrefix(name, ProposedPrefix)
	return strings.HasPrefix(name, blankedMark)
}
