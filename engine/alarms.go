package engine

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Alarms says from when on something that does not happen stands out. A zero field switches its alarm off.
type Alarms struct {
	Quiet      float64       // times the longest gap between days with leavers that may pass without one
	Unread     int           // runs in a row that did not read a source completely
	Unfinished time.Duration // that a leaver, or somebody cut off, keeps access that is to be taken
}

// Codes of the notices about what does not happen. They stay as they are, for those who watch for them.
const (
	NoticeUnread     = "unread"
	NoticeSameFile   = "same-file"
	NoticeNoLeavers  = "no-leavers"
	NoticeUnfinished = "leaver-unfinished"
	NoticeOrphans    = "in-no-directory"
	NoticeNever      = "revoke-never"
	NoticeEscalated  = "escalated"

	NoticeLeaverKept      = "leaver-kept"      // revoke: never
	NoticeLeaverUnmanaged = "leaver-unmanaged" // leavers: unmanaged: report
)

// watch looks for what should happen and does not: a broken read or a broken mark takes nothing from anybody, so nobody would
// notice it by what Rolecall does.
func (b *builder) watch() {
	if b.s.Person != "" || b.s.Only != "" {
		return
	}
	b.watchReads()
	b.watchContent()
	b.watchLeavers()
	for _, p := range b.programs {
		p.watchOpen()
		p.watchOrphans()
		p.watchNever()
		p.watchHand()
	}
}

// watchContent tells of a file that comes twice: whoever is missing in it leaves no sooner.
func (b *builder) watchContent() {
	if b.again > 0 {
		b.warn(NoticeSameFile, "", "", fmt.Sprintf("%s shows the same content as before, in which %s: that is no new evidence that they left; check that it is still written anew",
			b.s.Proof.Source, plural(b.again, "person is missing", "people are missing")))
	}
}

// watchReads counts the runs in a row in which a source was not read completely.
func (b *builder) watchReads() {
	var walk func(p *Proof)
	walk = func(p *Proof) {
		b.watchRead(FactKey{Kind: FactUnread, Key: p.Source}, p)
		for i := range p.Partners {
			walk(&p.Partners[i])
		}
	}
	walk(&b.s.Proof)
	for _, p := range b.programs {
		b.watchRead(FactKey{Kind: FactUnread, Program: p.program.Name}, &p.reading.Proof)
	}
}

func (b *builder) watchRead(key FactKey, p *Proof) {
	if p.Complete() {
		b.clear(key)
		return
	}
	f, ok := b.s.Memory.Fact(key)
	if !ok {
		f = Fact{FactKey: key, Since: b.s.Now}
	}
	f.Count++
	b.set(f)
	if most := b.s.Settings.Alarms.Unread; most > 0 && f.Count >= most {
		b.alarm(NoticeUnread, key.Program, "", fmt.Sprintf("%s was not read completely in %d runs in a row, since %s: %s; nothing is taken there from anybody but explicit leavers until it is",
			p.Source, f.Count, day(f.Since), reasonsText(p.Reasons)))
	}
}

const (
	leaverDays   = 20                  // days with leavers that are remembered
	enoughDays   = 8                   // of them before their absence says anything
	enoughLength = 30 * 24 * time.Hour // and since the first of them
)

// watchLeavers remembers on which days people left, and tells when nobody has for longer than this company's usual: the mark
// of leavers may have been renamed, or never arrive.
func (b *builder) watchLeavers() {
	key := FactKey{Kind: FactLeavers}
	var days []time.Time
	if f, ok := b.s.Memory.Fact(key); ok && json.Unmarshal(f.Data, &days) != nil {
		days = nil
	}
	if b.newLeaver() {
		if today := b.s.Now.UTC().Truncate(24 * time.Hour); len(days) == 0 || days[len(days)-1].Before(today) {
			days = append(days, today)
			b.set(Fact{FactKey: key, Since: b.s.Now, Data: mustJSON(days[max(0, len(days)-leaverDays):])})
		}
		return
	}
	factor := b.s.Settings.Alarms.Quiet
	if factor == 0 || len(days) < enoughDays || b.s.Now.Sub(days[0]) < enoughLength {
		return
	}
	longest := time.Duration(0)
	for i := 1; i < len(days); i++ {
		longest = max(longest, days[i].Sub(days[i-1]))
	}
	if quiet := b.s.Now.Sub(days[len(days)-1]); float64(quiet) > factor*float64(longest) {
		b.alarm(NoticeNoLeavers, "", "", fmt.Sprintf("nobody has left for %s, and since %s it was never longer than %s: look whether leavers still reach the directory and whether state: left still knows them",
			wholeDays(quiet), day(days[0]), wholeDays(longest)))
	}
}

func wholeDays(d time.Duration) string { return plural(int(d/(24*time.Hour)), "day", "days") }

// newLeaver says whether this plan begins to take something from somebody who has left.
func (b *builder) newLeaver() bool {
	for i := range b.plan.Changes {
		c := &b.plan.Changes[i]
		fresh := c.waits || c.State == Ready && c.Queued == 0 && c.Failures == 0
		if fresh && (c.Cause == CauseMarked || c.Cause == CauseAbsent) && c.Op != OpDelete {
			return true
		}
	}
	return false
}

// watchOrphans names active accounts of nobody in the directory. Service and shared accounts are nobody's by design.
func (p *programPlan) watchOrphans() {
	if !p.complete || !p.b.s.Proof.Complete() {
		return
	}
	var names []string
	for _, account := range p.holders() {
		if _, owned := p.owner[account]; owned {
			continue
		}
		if nobodys(p.reading.kind(account)) {
			continue
		}
		name := p.reading.accounts.Name(account)
		if info := p.reading.info(account); info != nil {
			name = cmp.Or(info.Name, name)
		}
		names = append(names, name)
	}
	if len(names) == 0 {
		return
	}
	slices.Sort(names)
	p.b.warn(NoticeOrphans, p.program.Name, "", fmt.Sprintf("%s of %s %s to nobody in the directory (%s): link them with rolecall adopt %s, or close them there",
		plural(len(names), "account", "accounts"), p.program.Name, map[bool]string{true: "belongs", false: "belong"}[len(names) == 1], someOf(names), p.program.Name))
}

func someOf(names []string) string {
	const most = 3
	text := strings.Join(names[:min(most, len(names))], ", ")
	if more := len(names) - most; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// holders are the accounts that can be used, or that hold anything where a program has no accounts.
func (p *programPlan) holders() []uint32 {
	if p.active == none {
		return p.sets.Actual.Accounts()
	}
	if row := p.sets.Actual.row(p.active); row != nil {
		return row.ToArray()
	}
	return nil
}

// watchNever: where revocation is switched off, leavers keep what they have, and that is easily forgotten.
func (p *programPlan) watchNever() {
	if n := len(p.holders()); p.program.Revoke == RevokeNever && n > 0 {
		p.b.warn(NoticeNever, p.program.Name, "", fmt.Sprintf("nothing is ever taken away in %s, not from leavers either (revoke: never); %s there", p.program.Name, plural(n, "account is", "accounts are")))
	}
}
