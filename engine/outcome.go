package engine

import (
	"errors"
	"time"
)

// outcome makes the record of what happened, with the facts that later plans need; an empty one where that is for others to
// say.
func (w *worker) outcome(i Intent, c Change, res Result) Record {
	if w.othersKnow(&i, res) {
		w.count(c, res)
		return Record{}
	}
	r := Record{Kind: KindOutcome, Run: i.Run, Actor: "rolecall", Of: i.Seq, Claim: i.Attempts, Person: c.Person, Program: c.Program, Account: c.Account,
		Entitlement: c.Right(), Op: c.Op, Outcome: res.Outcome, Cause: c.Cause}
	if c.Op == OpCreate && c.Proposed && res.ID != "" {
		r.Account = res.ID
	}
	failing := failingKey(&c, r.Account)
	ok := res.Outcome == Done || res.Outcome == Already
	if res.Err != nil {
		r.Why = []string{res.Err.Error()}
	}
	switch {
	case ok && c.Failures > 0:
		r.Clear = append(r.Clear, failing)
	case errors.Is(res.Err, errNoAccount) || errors.Is(res.Err, errStopped):
	case res.Outcome == Failed || res.Outcome == Refused:
		r.Set = append(r.Set, Fact{FactKey: failing, Since: w.e.Now().UTC(), Count: c.Failures + 1, Until: w.e.Now().UTC().Add(backOff(c.Failures)), Text: res.Err.Error()})
	}
	if !tells(&i, res) {
		res.Outcome, r.Outcome = Uncertain, Uncertain
		r.Why = append(r.Why, "what came of an earlier try is not known either")
	}
	suspended := FactKey{Kind: FactSuspended, Program: c.Program, Account: c.Account}
	if ok && c.Op == OpSuspend {
		r.Set = append(r.Set, Fact{FactKey: suspended, Since: w.e.Now().UTC(), Text: suspendedBy(res.Outcome)})
	}
	if ok && c.Op == OpResume { // whoever suspends it from now on is somebody else
		r.Clear = append(r.Clear, suspended)
	}
	r.byOwnClock(i.Time, w.e.Now())
	w.count(c, res)
	return r
}

// othersKnow: what may be repeated was not tried, but was tried before, or may be tried by somebody else now, since this
// claim is over. A failure would close the intent, and say that nothing happened.
func (w *worker) othersKnow(i *Intent, res Result) bool {
	untried := errors.Is(res.Err, errStopped) || errors.Is(res.Err, errUnread)
	return untried && i.Repeatable() && (i.Attempts > 1 || w.left(i.Lease) <= skew)
}

// tells says whether the result ends the intent. What is tried again was tried before with an unknown effect, which a failure
// of this try says nothing about, unless the account was looked at.
func tells(i *Intent, res Result) bool {
	failed := res.Outcome == Failed || res.Outcome == Refused
	return !failed || i.Attempts <= 1 || errors.Is(res.Err, errKept)
}

// suspendedBy: Rolecall resumes only what it suspended itself.
func suspendedBy(o Outcome) string {
	if o == Done {
		return "rolecall"
	}
	return "other"
}

const mostBackOff = 24 * time.Hour

// backOff doubles from one minute to a day.
func backOff(failures int) time.Duration {
	return min(mostBackOff, time.Minute<<min(failures, 12))
}

func (w *worker) count(c Change, res Result) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.done++
	w.report.Outcomes[res.Outcome]++
	if res.Outcome != Done && res.Outcome != Already {
		w.report.Failures = append(w.report.Failures, Failure{Change: c, Outcome: res.Outcome, Error: res.Err.Error()})
	}
	w.e.progress("work", w.p.Name, w.done, w.of)
}
