package engine

import (
	"context"
	"testing"
	"time"
)

// kept is a log of a few records.
type kept []Record

func (k kept) Records(_ context.Context, q Query, yield func(Record) error) error {
	for _, r := range k {
		if (q.Kind == "" || q.Kind == r.Kind) && !r.Time.Before(q.From) {
			if err := yield(r); err != nil {
				return err
			}
		}
	}
	return nil
}

// A removal counts as in effect when the program said so: one that failed, is unknown or was never tried keeps the departure
// open, and one that was withdrawn is none.
func TestDepartures(t *testing.T) {
	start := time.Date(2027, 1, 4, 9, 0, 0, 0, time.UTC)
	at := func(minutes int) time.Time { return start.Add(time.Duration(minutes) * time.Minute) }
	intent := func(seq int64, minutes int, right string, cause Cause) Record {
		op := OpRevoke
		if cause == CauseRule {
			op = OpGrant
		}
		return Record{Seq: seq, Kind: KindIntent, Time: at(minutes), Person: "p1", Program: "crm", Account: "ann", Entitlement: right, Op: op, Cause: cause, Data: []byte(`{"login":"ann"}`)}
	}
	outcome := func(of int64, minutes int, o Outcome) Record {
		return Record{Seq: of + 100, Kind: KindOutcome, Time: at(minutes), Of: of, Outcome: o}
	}
	for name, c := range map[string]struct {
		log           kept
		none          bool
		open, removed int
		after         time.Duration
		last          Outcome
	}{
		"done":             {log: kept{intent(1, 0, "", CauseMarked), intent(2, 0, "x", CauseMarked), outcome(1, 1, Done), outcome(2, 5, Already)}, removed: 2, after: 5 * time.Minute},
		"not tried":        {log: kept{intent(1, 0, "", CauseCut), intent(2, 0, "x", CauseCut), outcome(1, 1, Done)}, open: 1, removed: 1},
		"unknown":          {log: kept{intent(1, 0, "", CauseAbsent), outcome(1, 1, Uncertain)}, open: 1},
		"failed":           {log: kept{intent(1, 0, "", CauseMarked), outcome(1, 1, Failed)}, open: 1, last: Failed},
		"failed, then not": {log: kept{intent(1, 0, "", CauseMarked), outcome(1, 1, Failed), intent(2, 60, "", CauseMarked), outcome(2, 61, Done)}, removed: 1, after: 61 * time.Minute},
		"read back":        {log: kept{intent(1, 0, "", CauseMarked), outcome(1, 1, Uncertain), outcome(1, 9, Done)}, removed: 1, after: 9 * time.Minute},
		"lifted":           {log: kept{intent(1, 0, "", CauseCut), intent(2, 0, "x", CauseCut), outcome(1, 1, Done), {Kind: KindLift, Time: at(2), Person: "p1"}, outcome(2, 3, Failed)}, removed: 1, after: time.Minute},
		"another's lift":   {log: kept{intent(1, 0, "", CauseCut), {Kind: KindLift, Time: at(2), Person: "p2"}}, open: 1},
		"lift of a leaver": {log: kept{intent(1, 0, "", CauseMarked), {Kind: KindLift, Time: at(2), Person: "p1"}}, open: 1},
		"withdrawn":        {log: kept{intent(1, 0, "", CauseMarked), outcome(1, 1, Withdrawn)}, none: true},
		"no leaver":        {log: kept{intent(1, 0, "", CauseRule), outcome(1, 1, Done)}, none: true},
		"before":           {log: kept{intent(1, -1, "", CauseMarked), outcome(1, 1, Done)}, none: true},
	} {
		got, err := Departures(t.Context(), c.log, start)
		if err != nil || c.none != (len(got) == 0) {
			t.Errorf("%s: %+v %v", name, got, err)
			continue
		}
		if c.none {
			continue
		}
		d := got[0]
		if d.Open != c.open || d.Removed != c.removed || d.Last != c.last || d.Login != "ann" || c.open > 0 != d.Ended.IsZero() || c.open == 0 && d.Ended.Sub(d.Decided) != c.after {
			t.Errorf("%s: %+v", name, d)
		}
	}
}

// Somebody who came back and leaves again departs twice: what was done the first time says nothing of the second.
func TestLeavingTwice(t *testing.T) {
	at := time.Date(2027, 1, 4, 9, 0, 0, 0, time.UTC)
	record := func(seq int64, days int, op Op, cause Cause) Record {
		return Record{Seq: seq, Kind: KindIntent, Time: at.AddDate(0, 0, days), Person: "p1", Program: "crm", Account: "ann", Op: op, Cause: cause}
	}
	done := func(of int64, days int) Record {
		return Record{Kind: KindOutcome, Of: of, Time: at.AddDate(0, 0, days), Outcome: Done}
	}
	log := kept{record(1, 0, OpSuspend, CauseMarked), done(1, 0), record(2, 5, OpResume, CauseRule), done(2, 5), record(3, 20, OpSuspend, CauseMarked)}
	got, err := Departures(t.Context(), log, at)
	if err != nil || len(got) != 2 || got[0].Open != 0 || got[0].Ended != at || got[1].Open != 1 || got[1].Decided != at.AddDate(0, 0, 20) {
		t.Errorf("%+v %v", got, err)
	}
	log = kept{record(1, 0, OpSuspend, CauseMarked), done(1, 0), record(2, 30, OpDelete, CauseMarked)} // what follows the wait is the same departure
	if got, err := Departures(t.Context(), log, at); err != nil || len(got) != 1 || got[0].Decided != at {
		t.Errorf("%+v %v", got, err)
	}
}
