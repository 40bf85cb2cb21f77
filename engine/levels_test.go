package engine

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

func TestServiceLevels(t *testing.T) {
	start := time.Date(2027, 1, 4, 0, 0, 0, 0, time.UTC)
	var log kept
	add := func(op Op, cause Cause, program string, at, took time.Duration, outcomes ...Outcome) {
		seq := int64(len(log) + 1)
		log = append(log, Record{Seq: seq, Kind: KindIntent, Time: start.Add(at), Program: program, Account: fmt.Sprint(seq), Op: op, Cause: cause})
		for _, o := range outcomes {
			log = append(log, Record{Kind: KindOutcome, Of: seq, Time: start.Add(at + took), Outcome: o})
		}
	}
	for i := range 100 {
		add(OpGrant, CauseRule, "crm", 0, time.Duration(i+1)*time.Second, Done)
	}
	add(OpCreate, CauseRule, "crm", 25*time.Hour, time.Minute, Uncertain, Done) // the next day
	add(OpGrant, CauseRule, "crm", 0, time.Hour, Already)
	add(OpGrant, CauseRule, "crm", 0, time.Hour, Failed)    // a later run tries again
	add(OpGrant, CauseRule, "crm", 0, time.Hour, Uncertain) // still open
	add(OpRevoke, CauseRule, "crm", 0, time.Hour, Done)     // a mover is no leaver
	add(OpSuspend, CauseMarked, "crm", 0, 5*time.Second, Done)
	add(OpSuspend, CauseCut, "wiki", 0, time.Second)
	got, err := ServiceLevels(t.Context(), log, start, start.Add(50*time.Hour))
	if err != nil || len(got) != 2 || got[0].Program != "crm" || got[1].Program != "wiki" {
		t.Fatalf("%+v %v", got, err)
	}
	crm, wiki := got[0], got[1]
	if a := crm.Access; a.N != 101 || a.Open != 2 || a.Median != 51*time.Second || a.P99 != 99*time.Second || !slices.Equal(a.Days, []time.Duration{50 * time.Second, time.Minute, -1}) {
		t.Errorf("%+v", a)
	}
	if r := crm.Removal; r.N != 1 || r.Median != 5*time.Second || r.P99 != r.Median {
		t.Errorf("%+v", r)
	}
	if r := wiki.Removal; r.N != 0 || r.Open != 1 || r.Days != nil || wiki.Access.N != 0 {
		t.Errorf("%+v", wiki)
	}
	retried := kept{{Seq: 1, Kind: KindIntent, Time: start, Program: "crm", Op: OpSuspend, Cause: CauseMarked}, {Kind: KindOutcome, Of: 1, Time: start.Add(time.Second), Outcome: Refused},
		{Seq: 2, Kind: KindIntent, Time: start.Add(time.Hour), Program: "crm", Op: OpSuspend, Cause: CauseMarked}, {Kind: KindOutcome, Of: 2, Time: start.Add(time.Hour + time.Second), Outcome: Done}}
	if got, err := ServiceLevels(t.Context(), retried, start, start.Add(2*time.Hour)); err != nil || got[0].Removal.N != 1 || got[0].Removal.Median != time.Hour+time.Second {
		t.Errorf("a second try is no second decision: %+v %v", got, err)
	}
}

// Changes count in the month in which they were decided, in the zone of who asks; what is open, in that as well.
func TestMonthLevels(t *testing.T) {
	berlin := time.FixedZone("CET", 3600)
	start := time.Date(2027, 1, 31, 22, 30, 0, 0, time.UTC) // half past eleven in the night before February
	var log kept
	add := func(op Op, cause Cause, program string, at, took time.Duration, outcomes ...Outcome) {
		seq := int64(len(log) + 1)
		log = append(log, Record{Seq: seq, Kind: KindIntent, Time: start.Add(at), Program: program, Account: fmt.Sprint(seq), Op: op, Cause: cause})
		for _, o := range outcomes {
			log = append(log, Record{Kind: KindOutcome, Of: seq, Time: start.Add(at + took), Outcome: o})
		}
	}
	add(OpGrant, CauseRule, "crm", 0, time.Hour, Done) // done in February
	for i := range 100 {
		add(OpGrant, CauseRule, "crm", time.Hour, time.Duration(i+1)*time.Second, Done)
	}
	add(OpSuspend, CauseMarked, "crm", 2*time.Hour, time.Minute, Done)
	add(OpRevoke, CauseRule, "crm", 2*time.Hour, time.Minute, Done) // a mover is no leaver
	add(OpSuspend, CauseCut, "wiki", 0, time.Minute, Failed)
	add(OpGrant, CauseRule, "wiki", 31*24*time.Hour, time.Minute, Already)
	got, err := MonthLevels(t.Context(), log, start.AddDate(0, 0, -5).In(berlin))
	var said []string
	for _, m := range got {
		said = append(said, fmt.Sprint(m.Month.Format("2006-01 "), m.Program, " ", m.Access, " ", m.Removal))
	}
	want := []string{"2027-01 crm {1 0 1h0m0s 1h0m0s} {0 0 0s 0s}", "2027-01 wiki {0 0 0s 0s} {0 1 0s 0s}", "2027-02 crm {100 0 50s 1m39s} {1 0 1m0s 1m0s}"}
	if err != nil || !slices.Equal(said, want) {
		t.Errorf("%q %v", said, err)
	}
}
