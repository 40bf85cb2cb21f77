package engine

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// SessionEnder ends what an account has running in its program: suspending keeps people out, and who is in stays in. It is asked
// after a suspend, and after whatever is taken from leavers and people cut off; for an account that has no session it does nothing.
// It must not change what the account holds.
type SessionEnder interface {
	EndSessions(ctx context.Context, account string) error
}

// NoticeSessions is the code of the notice that sessions of a suspended account could not be ended.
const NoticeSessions = "sessions"

// endSessions ends the sessions of those accounts that lost something in which nobody may stay. What came of it stands beside the
// change, whose outcome it does not touch.
func (w *worker) endSessions(ctx context.Context, intents []Intent, records []Record) {
	ender, can := w.p.Connector.(SessionEnder)
	if !can || !w.p.Describes.Sessions {
		return
	}
	bySeq, asked := map[int64]*Intent{}, map[string]bool{}
	for n := range intents {
		bySeq[intents[n].Seq] = &intents[n]
	}
	for n := range records {
		r := &records[n]
		if i := bySeq[r.Of]; i == nil || asked[r.Account] || !i.endsSessions(r) {
			continue
		}
		asked[r.Account] = true
		w.noteSessions(r, bySeq[r.Of], w.sessionsOf(ctx, ender, r.Account, bySeq[r.Of].Lease))
	}
}

// endsSessions: a suspend means that nobody is to be in; who has left or was cut off is to be in nothing. What certainly did not
// happen ends nothing, and a deleted account can't be asked about.
func (i *Intent) endsSessions(r *Record) bool {
	out := i.Class == ChargeLeaver || i.Change.Cause == CauseCut
	made := r.Outcome == Done || r.Outcome == Already || r.Outcome == Uncertain
	return made && (i.Change.Op == OpSuspend || i.Change.Op == OpRevoke && out)
}

// sessionsOf makes the call, within the lease of the change that it follows.
func (w *worker) sessionsOf(ctx context.Context, ender SessionEnder, account string, lease time.Time) error {
	if err := w.pace(ctx, 1); err != nil {
		return err
	}
	ctx, cancel, err := w.begin(ctx, lease, w.callTime())
	if err != nil {
		return err
	}
	defer cancel()
	return w.askToEnd(ctx, ender, account)
}

func (w *worker) askToEnd(ctx context.Context, ender SessionEnder, account string) error {
	err, ok := attempt(ctx, w, func() (err error) {
		defer func() {
			if p := recover(); p != nil {
				err = fmt.Errorf("the connector failed: %v", p)
			}
		}()
		return ender.EndSessions(ctx, account)
	})
	if !ok {
		return errLost
	}
	return err
}

// noteSessions says in a record what came of the sessions. Those that go on are remembered, and tried again.
func (w *worker) noteSessions(r *Record, i *Intent, err error) {
	key := FactKey{Kind: FactSessions, Program: r.Program, Account: r.Account, Person: r.Person}
	if err == nil {
		r.Why = append(r.Why, "its open sessions were ended")
		r.Clear = append(r.Clear, key)
		return
	}
	r.Why = append(r.Why, "its open sessions could not be ended: "+err.Error())
	r.Set = append(r.Set, w.sessionsFact(key, 0, err))
	w.mu.Lock()
	defer w.mu.Unlock()
	w.report.Sessions = append(w.report.Sessions, Failure{Change: i.Change, Outcome: r.Outcome, Error: err.Error()})
}

func (w *worker) sessionsFact(key FactKey, failures int, err error) Fact {
	now := w.e.Now().UTC()
	return Fact{FactKey: key, Since: now, Count: failures + 1, Until: now.Add(backOff(failures)), Text: err.Error()}
}

// endLeft tries again what sessions could not be ended before, and is due.
func (w *worker) endLeft(ctx context.Context) error {
	facts, ok := w.e.Journal.(Facts)
	ender, can := w.p.Connector.(SessionEnder)
	if !ok || !can {
		return nil
	}
	all, err := facts.Facts(ctx, FactSessions)
	if err != nil {
		return fmt.Errorf("whose sessions are left can't be read: %w", err)
	}
	all = slices.DeleteFunc(all, func(f Fact) bool { return f.Program != w.p.Name || w.e.Now().Before(f.Until) })
	slices.SortFunc(all, func(a, b Fact) int {
		return cmp.Or(strings.Compare(a.Account, b.Account), strings.Compare(a.Person, b.Person))
	})
	if len(all) > 0 && w.lanes == nil { // nothing was claimed, so that nobody has asked yet what the program can do
		w.describe(ctx)
	}
	if !w.p.Describes.Sessions {
		return nil
	}
	for _, f := range all {
		state, unsure := w.standing(ctx)
		if err := cmp.Or(ctx.Err(), unsure, w.setAside(), w.mayStart(ctx)); err != nil || state == breakerOpen { // the next run tries it
			return nil
		}
		if err := w.endAgain(ctx, ender, f); err != nil {
			return err
		}
	}
	return nil
}

func (w *worker) endAgain(ctx context.Context, ender SessionEnder, f Fact) error {
	calling, cancel := context.WithTimeout(context.WithoutCancel(ctx), w.callTime())
	defer cancel()
	err := w.askToEnd(calling, ender, f.Account)
	r := Record{Kind: KindNote, Actor: "rolecall", Person: f.Person, Program: f.Program, Account: f.Account}
	if err == nil {
		r.Why, r.Clear = []string{"its open sessions were ended"}, []FactKey{f.FactKey}
	} else {
		r.Why = []string{"its open sessions could not be ended: " + err.Error()}
		again := w.sessionsFact(f.FactKey, f.Count, err)
		again.Since = f.Since
		r.Set = []Fact{again}
	}
	return w.e.Journal.Append(context.WithoutCancel(ctx), Free, []Record{r})
}

// openSessions asks somebody to end what Rolecall could not, for as long as nobody should be in.
func (b *builder) openSessions() {
	if !b.whole() {
		return
	}
	for f := range b.s.Memory.each(FactSessions) {
		p := b.programNamed(f.Program)
		if p == nil || p.isBack(f) {
			b.clear(f.FactKey)
			continue
		}
		text := fmt.Sprintf("the open sessions of the account %s of %s could not be ended, and may go on: end them there; it is tried again (%s)", quote(f.Account), f.Program, f.Text)
		b.task("sessions "+f.Account, f.Program, f.Person, fmt.Sprintf("the open sessions of the account %s of %s could not be ended, and may go on: end them there", quote(f.Account), f.Program))
		b.warn(NoticeSessions, f.Program, f.Person, text)
	}
}

// isBack: somebody may be in again, or the account is no more.
func (p *programPlan) isBack(f Fact) bool {
	account, known := p.reading.accounts.Find(f.Account)
	if !known {
		return p.complete
	}
	if p.exists != none && p.complete && !p.held.Has(p.exists, account) {
		return true
	}
	s, ok := p.subjectOf(account)
	return ok && s.standing == present && (p.active == none || p.sets.Desired.Has(p.active, account))
}
