package period

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/rolecall/rolecall/engine"
)

// gaps are those with a sentence of their own, by code and sentence; and those that are only counted.
type gaps map[[2]string]*Gap

func (g gaps) add(one Gap) {
	key := [2]string{one.Code, one.What}
	if at := g[key]; at != nil {
		at.N, at.Record = at.N+one.N, one.Record
		return
	}
	g[key] = &one
}

func (g gaps) count(code string, seq int64) {
	g.add(Gap{Code: code, What: counts()[code], N: 1, Record: seq})
}

// counts are the sentences of what is only counted.
func counts() map[string]string {
	return map[string]string{
		"blanked":      "records whose personal part was blanked, in the journal or by whoever made this: what they did is in no population, no case, no decision and no holding; the last one is named",
		"held":         "changes that began to wait for approval, or were decided; the last one is named",
		"late":         "results that came after their change was closed; they count for nothing, and are in the records",
		"ticked":       "tasks that a person ticked off: nothing was read back, it is that person's word; the last one is named",
		"paused":       "pauses, during which nothing was begun, neither for leavers; the last one is named",
		"restored":     "times at which a backup was put in the place of the journal, or a gap in it accepted: what was lost is in no record; the last one is named",
		"rekeyed":      "people whom the directory knows by another key since; they are the same person here, as somebody confirmed; the last one is named",
		"revoke-never": "alarms that a leaver keeps access, because the program is set to revoke: never; the last run that said so is named",
		"expected":     "runs in which an announced wave (expect:) raised a limit; the last one is named",
		"refused":      "decisions and looks that were refused, as approvals of an own change; the last one is named",
	}
}

func (b *Builder) notices(r *engine.Record, all []engine.Notice) {
	for _, n := range all {
		if n.Code == engine.NoticeNever || n.Code == "expected" {
			b.gaps.count(n.Code, r.Seq)
		}
	}
}

// decision keeps what a person decided.
func (b *Builder) decision(r *engine.Record) {
	if !b.began {
		return
	}
	code := map[engine.Kind]string{engine.KindTask: "ticked", engine.KindPause: "paused", engine.KindAccept: "restored", engine.KindRestore: "restored",
		engine.KindReKey: "rekeyed", engine.KindRefusal: "refused"}[r.Kind]
	if code != "" {
		b.gaps.count(code, r.Seq)
	}
	switch r.Kind {
	case engine.KindCut, engine.KindLift, engine.KindPause, engine.KindResume, engine.KindApprove, engine.KindReject, engine.KindExtra, engine.KindUndo, engine.KindFree,
		engine.KindTask, engine.KindPolicy, engine.KindConfig, engine.KindAccept, engine.KindRefusal, engine.KindRestore, engine.KindKey, engine.KindReKey, engine.KindToken, engine.KindHold, engine.KindEndHold, engine.KindBlank,
		engine.KindReview, engine.KindLine, engine.KindUnblock, engine.KindDelegate:
	default:
		return
	}
	d := Decision{Seq: r.Seq, Time: r.Time, Kind: r.Kind, Actor: r.Actor, Person: r.Person, Program: r.Program, Why: text(r.Why), What: string(r.Op)}
	if r.Program != "" && r.Entitlement != "" {
		d.Entitlement = engine.Entitlement{Program: r.Program, Name: r.Entitlement}.String()
	}
	if r.Kind == engine.KindExtra && len(r.Set) == 1 {
		d.Until = r.Set[0].Until
	}
	if r.Kind == engine.KindLine && !lineDecision(r, &d) {
		return
	}
	if r.Kind == engine.KindCut {
		b.person(r.Person, "", "").Cut = true
	}
	b.out.Decisions = append(b.out.Decisions, d)
}

// itemOf is the approval item that a decision is about.
func itemOf(r *engine.Record) (id string) {
	_ = json.Unmarshal(r.Data, &id) // "" then
	return id
}

// Done ends the period. The builder must not be used afterwards.
func (b *Builder) Done() *Findings {
	if !b.began {
		b.begin(b.out.Last + 1)
	}
	b.populations()
	b.holders()
	b.reconcile()
	b.endReviews()
	b.cover()
	for _, c := range b.cases {
		b.out.Cases = append(b.out.Cases, *c)
	}
	slices.SortFunc(b.out.Cases, func(x, y Case) int { return cmp.Compare(x.Seq, y.Seq) })
	for _, g := range b.gaps {
		b.out.Gaps = append(b.out.Gaps, *g)
	}
	slices.SortFunc(b.out.Gaps, func(x, y Gap) int { return cmp.Or(cmp.Compare(x.Code, y.Code), strings.Compare(x.What, y.What)) })
	return &b.out
}

// cover adds what is not covered of cases and holders.
func (b *Builder) cover() {
	unmanaged := map[string]int{}
	for i := range b.out.Holders {
		if h := &b.out.Holders[i]; !h.Managed {
			unmanaged[h.Program]++
		}
	}
	for _, program := range sorted(unmanaged) {
		b.gaps.add(Gap{Code: "unmanaged", N: unmanaged[program], What: "holdings of " + program + " that Rolecall neither gave nor adopted: no rule and no approval stands behind them"})
	}
	for _, c := range b.cases {
		switch {
		case c.Kind == engine.KindAdopt:
			b.gaps.add(Gap{Code: "adopted", N: 1, Record: c.Seq, What: "holdings that were there before Rolecall and were adopted: who gave them is not known; the last one is named"})
		case !c.Effect():
			b.gaps.add(Gap{Code: "no-effect", N: 1, Record: c.Seq, What: fmt.Sprintf("changes without effect by the end of the period (%s); the last one is named", ending(c))})
		case c.Read == nil && (c.Op.Gives() || c.Op.Takes()):
			b.gaps.add(Gap{Code: "not-read-back", N: 1, Record: c.Seq, What: "changes that no complete list of " + c.Program + " has confirmed by the end of the period: the result is the program's word; the last one is named"})
		case c.Read != nil && c.Read.What == "contradicted":
			b.gaps.add(Gap{Code: "contradicted", N: 1, Record: c.Read.Seq, What: "changes of " + c.Program + " that its next complete list contradicts; the last one is named"})
		}
	}
}

func ending(c *Case) string {
	if c.Outcome == nil {
		return "open"
	}
	return c.Outcome.What
}
