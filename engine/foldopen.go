package engine

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Touched names what one record may have changed in a Fold, so that a store changes no more than that. A name may come
// twice, and what it names may be gone or as before.
type Touched struct {
	Holdings []Held3
	Links    []LinkKey
	Open     []int64
	Facts    []FactKey
}

func (t *Touched) reset() {
	t.Holdings, t.Links, t.Open, t.Facts = t.Holdings[:0], t.Links[:0], t.Open[:0], t.Facts[:0]
}

// Touched is what the last record that was applied may have changed; its lists are those of the fold, until the next one.
func (f *Fold) Touched() Touched { return f.touched }

type effectKey struct {
	Held3
	effect string
}

func effectOf(c *Change) effectKey {
	e := ParseEntitlement(c.Entitlement)
	return effectKey{Held3{e.Program, c.Account, e.Name}, c.Op.Effect()}
}

func (f *Fold) begin(i *Intent) {
	f.open[i.Seq] = i
	if p := f.under(i.Change.Program, i.Change.Account); p != nil {
		p.open = append(p.open, i.Seq)
	}
	f.count(i, +1)
	f.touched.Open = append(f.touched.Open, i.Seq)
}

func (f *Fold) end(i *Intent) {
	delete(f.open, i.Seq)
	f.count(i, -1)
	f.touched.Open = append(f.touched.Open, i.Seq)
}

func (f *Fold) count(i *Intent, n int) {
	if f.only {
		return
	}
	key := effectOf(&i.Change)
	if f.effects[key] += n; f.effects[key] == 0 {
		delete(f.effects, key)
	}
}

// Admit checks the rules of Journal.Append for records that would follow what is folded so far, under the given epoch of
// the leader. It changes nothing. Errors are ErrDeposed and ErrStale, and others for records that can never be right.
func (f *Fold) Admit(epoch int64, g Guard, records []Record) error {
	if g.Epoch != 0 && g.Epoch != epoch {
		return ErrDeposed
	}
	if g.Control >= 0 && f.control > g.Control {
		return fmt.Errorf("%w (record %d)", ErrStale, f.control)
	}
	a := admission{fold: f, concludes: g.Control >= 0, change: map[effectKey]int{}, ended: map[int64]bool{}}
	for i := range records {
		if err := a.record(&records[i]); err != nil {
			return err
		}
	}
	return nil
}

// admission is what the records before one in the same Append have changed.
type admission struct {
	fold      *Fold
	concludes bool // from what was remembered, rather than from a call of its own
	change    map[effectKey]int
	ended     map[int64]bool
}

func (a *admission) record(r *Record) error {
	switch r.Kind {
	case KindIntent:
		key := effectKey{Held3{r.Program, r.Account, r.Entitlement}, r.Op.Effect()}
		if a.fold.effects[key]+a.change[key] > 0 {
			return fmt.Errorf("%w (an intent is open for account %q of %s)", ErrStale, r.Account, Entitlement{r.Program, r.Entitlement})
		}
		a.change[key]++
	case KindOutcome:
		return a.outcome(r)
	}
	return nil
}

func (a *admission) outcome(r *Record) error {
	if r.Of > a.fold.seq {
		return fmt.Errorf("journal: an outcome names intent %d, but the journal ends at %d", r.Of, a.fold.seq)
	}
	i := a.fold.open[r.Of]
	if i == nil || a.ended[r.Of] {
		if r.Outcome == Withdrawn {
			return fmt.Errorf("%w (intent %d is not open)", ErrStale, r.Of)
		}
		return nil
	}
	if e := (Entitlement{r.Program, r.Entitlement}).String(); e != i.Change.Entitlement {
		return fmt.Errorf("journal: an outcome for %s names intent %d, which is for %s", e, r.Of, i.Change.Entitlement)
	}
	if r.Outcome == Withdrawn && !i.Claimed.IsZero() {
		return fmt.Errorf("%w (intent %d was claimed)", ErrStale, r.Of)
	}
	if i.claimedSince(r.Claim) {
		if a.concludes {
			return fmt.Errorf("%w (intent %d was claimed again)", ErrStale, r.Of)
		}
		return nil // it comes late
	}
	if r.Outcome != Uncertain && r.Outcome != Halted {
		a.ended[r.Of] = true
		a.change[effectOf(&i.Change)]--
	}
	return nil
}

// Claim does what Outbox promises to what is folded.
func (f *Fold) Claim(r ClaimRequest) []Intent {
	r.Now = Instant(r.Now)
	byAccount := f.claimable(r)
	accounts := make([]string, 0, len(byAccount))
	for account := range byAccount {
		accounts = append(accounts, account)
	}
	slices.SortFunc(accounts, func(a, b string) int {
		urgentA, seqA := turn(byAccount[a])
		urgentB, seqB := turn(byAccount[b])
		return cmp.Or(cmp.Compare(urgentA, urgentB), cmp.Compare(seqA, seqB))
	})
	var out []Intent
	now := Instant(r.By(f.time))
	for _, account := range accounts {
		if len(out) >= r.Max {
			break
		}
		for _, i := range byAccount[account] {
			i.Claimed, i.Lease = now, Instant(now.Add(r.Lease))
			i.Attempts++
			out = append(out, *i)
		}
	}
	SortClaimed(out)
	return out
}

// turn says when an account's intents are handed out: round 0 if somebody has left or was cut off, by the first such intent,
// else round 1, by the oldest.
func turn(intents []*Intent) (round int, seq int64) {
	if i := slices.IndexFunc(intents, (*Intent).Repeatable); i >= 0 {
		return 0, intents[i].Seq
	}
	return 1, intents[0].Seq
}

// SortClaimed puts claimed intents into the order that Outbox promises.
func SortClaimed(intents []Intent) {
	slices.SortFunc(intents, func(a, b Intent) int {
		return cmp.Or(strings.Compare(a.Change.Account, b.Change.Account), cmp.Compare(a.Seq, b.Seq))
	})
}

// waits says whether a program of r.After still has work of its own to be done.
func (f *Fold) waits(r ClaimRequest) bool {
	for _, i := range f.open {
		_, paused := f.facts[FactKey{Kind: FactPause, Program: i.Change.Program}]
		if !paused && slices.Contains(r.After, i.Change.Program) && (i.Claimed.IsZero() || leased(i.Lease, r.Now)) {
			return true
		}
	}
	return false
}

// before: it was claimed before the work began that asks now, or by a clock that was ahead.
func (i *Intent) before(r ClaimRequest) bool {
	return r.Since.IsZero() || i.Claimed.Before(Instant(r.Since)) || i.Claimed.After(r.Now.Add(LongestLease))
}

// claimable lists the open intents of the program that may be handed out, by account, sorted by Seq.
func (f *Fold) claimable(r ClaimRequest) map[string][]*Intent {
	out, live := map[string][]*Intent{}, f.leases(r)
	for program := range map[string]bool{"": true, r.Program: true} {
		if _, paused := f.facts[FactKey{Kind: FactPause, Program: program}]; paused {
			return out
		}
	}
	waits := f.waits(r)
	for _, i := range f.open {
		if i.Change.Program != r.Program || live.hold(i) {
			continue
		}
		if i.Claimed.IsZero() && (i.Repeatable() || !waits) || !i.Claimed.IsZero() && i.Repeatable() && i.before(r) {
			out[i.Change.Account] = append(out[i.Change.Account], i)
		}
	}
	for _, intents := range out {
		slices.SortFunc(intents, func(a, b *Intent) int { return cmp.Compare(a.Seq, b.Seq) })
	}
	return out
}

// leases are the accounts of a program that are being worked on.
type leases struct {
	accounts map[string]bool
	people   map[string][]string // person → accounts
}

func (f *Fold) leases(r ClaimRequest) leases {
	l := leases{map[string]bool{}, map[string][]string{}}
	for _, i := range f.open {
		if c := &i.Change; c.Program == r.Program && leased(i.Lease, r.Now) {
			l.accounts[c.Account] = true
			l.people[c.Person] = append(l.people[c.Person], c.Account)
		}
	}
	return l
}

// hold says whether somebody works on the intent's account, or on another one of its person's while one of the two is only
// proposed: they may be one account.
func (l *leases) hold(i *Intent) bool {
	return l.accounts[i.Change.Account] || i.Change.Person != "" && slices.ContainsFunc(l.people[i.Change.Person], func(other string) bool {
		return maybeSame(i.Change.Account, other)
	})
}

// maybeSame: two accounts of one person, of which the program may have made one under the other's name already.
func maybeSame(a, b string) bool {
	_, one := ProposedName(a)
	_, other := ProposedName(b)
	return one || other
}
