package engine

import (
	"context"
	"encoding/json"
	"testing"
	"time"
)

// What a program did counts from the beginning of the read that led to it, or since when it waited; not from the intent, which comes last.
func TestLevelsCountFromWhenItWasWanted(t *testing.T) {
	start := time.Date(2027, 1, 10, 0, 0, 0, 0, time.UTC)
	at := func(hours int) time.Time { return start.Add(time.Duration(hours) * time.Hour) }
	run := func(name string, hours, read int) Record {
		data, err := json.Marshal(map[string]any{"Proofs": []Proof{{Source: "hr", Started: at(read)}, {Source: "crm", Started: at(-99)}}})
		if err != nil {
			t.Fatal(err)
		}
		return Record{Kind: KindRun, Run: name, Time: at(hours), Data: data}
	}
	fact := func(hours int, kind, program, person, key, text string) Record {
		return Record{Kind: KindNote, Time: at(hours), Set: []Fact{{FactKey: FactKey{Kind: kind, Program: program, Person: person, Key: key}, Since: at(hours), Text: text}}}
	}
	gone := func(hours int, kind, program, person, key string) Record {
		return Record{Kind: KindNote, Time: at(hours), Clear: []FactKey{{Kind: kind, Program: program, Person: person, Key: key}}}
	}
	intent := func(hours int, run string, op Op, cause Cause, data string) Record {
		return Record{Kind: KindIntent, Run: run, Time: at(hours), Person: "p1", Account: "a1", Program: "crm", Op: op, Cause: cause, Data: []byte(data)}
	}
	const none = `{}`
	for name, c := range map[string]struct {
		records []Record
		want    int // hours from the beginning to when it was done
		removal bool
	}{
		"the read":                           {[]Record{run("r1", 5, 4), intent(6, "r1", OpGrant, CauseRule, none)}, 6, false},
		"the read of a mark":                 {[]Record{run("r1", 5, 4), intent(6, "r1", OpSuspend, CauseMarked, none)}, 6, true},
		"another run's read is not its own":  {[]Record{run("r0", 3, 2), run("r1", 5, 4), intent(6, "r1", OpGrant, CauseRule, none)}, 6, false},
		"a run that is not there":            {[]Record{intent(6, "r1", OpGrant, CauseRule, none)}, 4, false},
		"a run that can't be read":           {[]Record{{Kind: KindRun, Run: "r1", Time: at(5), Data: []byte("x")}, intent(6, "r1", OpGrant, CauseRule, none)}, 4, false},
		"a cut":                              {[]Record{run("r1", 5, 4), intent(6, "r1", OpSuspend, CauseCut, none)}, 4, true},
		"an approval":                        {[]Record{fact(1, FactItem, "", "", "i1", ""), run("r1", 5, 4), intent(6, "r1", OpGrant, CauseRule, `{"item":"i1"}`)}, 9, false},
		"somebody else's approval":           {[]Record{fact(1, FactItem, "", "", "i2", ""), run("r1", 5, 4), intent(6, "r1", OpGrant, CauseRule, `{"item":"i1"}`)}, 6, false},
		"an approval from before the period": {[]Record{fact(-48, FactItem, "", "", "i1", ""), run("r1", 5, 4), intent(6, "r1", OpGrant, CauseRule, `{"item":"i1"}`)}, 58, false},
		"an attribute":                       {[]Record{fact(1, FactWaiting, "crm", "p1", "", ""), run("r1", 5, 4), gone(5, FactWaiting, "crm", "p1", ""), intent(6, "r1", OpCreate, CauseRule, none)}, 9, false},
		"it had waited and was over before":  {[]Record{fact(1, FactWaiting, "crm", "p1", "", ""), gone(2, FactWaiting, "crm", "p1", ""), run("r1", 5, 4), intent(6, "r1", OpCreate, CauseRule, none)}, 6, false},
		"in another program":                 {[]Record{fact(1, FactWaiting, "wiki", "p1", "", ""), run("r1", 5, 4), intent(6, "r1", OpCreate, CauseRule, none)}, 6, false},
		"a seat":                             {[]Record{fact(1, FactSeat, "crm", "p1", "full", ""), run("r1", 5, 4), intent(6, "r1", OpCreate, CauseRule, `{"seats":["full"]}`)}, 9, false},
		"a seat that was kept":               {[]Record{fact(1, FactSeat, "crm", "p1", "full", seatKept), run("r1", 5, 4), intent(6, "r1", OpCreate, CauseRule, `{"seats":["full"]}`)}, 6, false},
		"a removal that was tried in vain":   {[]Record{fact(1, FactLeaving, "crm", "p1", "", ""), run("r1", 5, 4), intent(6, "r1", OpSuspend, CauseMarked, none)}, 9, true},
	} {
		log := kept(c.records)
		for i := range log {
			log[i].Seq = int64(i + 1)
		}
		last := log[len(log)-1]
		log = append(log, Record{Seq: last.Seq + 1, Kind: KindOutcome, Of: last.Seq, Time: at(10), Outcome: Done})
		got, err := ServiceLevels(t.Context(), log, start, at(24))
		if err != nil || len(got) != 1 {
			t.Fatalf("%s: %+v %v", name, got, err)
		}
		took := got[0].Access
		if c.removal {
			took = got[0].Removal
		}
		if took.N != 1 || took.Median != time.Duration(c.want)*time.Hour {
			t.Errorf("%s: %+v, not %d hours", name, took, c.want)
		}
	}
}

// prunedLog is a journal of which the records before a time are not there any more.
type prunedLog struct {
	kept
	Pruned
}

func (p prunedLog) Records(ctx context.Context, q Query, yield func(Record) error) error {
	if err := p.kept.Records(ctx, q, yield); err != nil {
		return err
	}
	if q.From.Before(p.Before) {
		return &p.Pruned
	}
	return nil
}

// What waited is looked for before the period: that it was pruned there makes no period untold that is whole itself.
func TestLevelsBehindAPruning(t *testing.T) {
	start := time.Date(2027, 1, 10, 0, 0, 0, 0, time.UTC)
	log := prunedLog{kept{}, Pruned{Pruning: Pruning{Before: start}}}
	if _, err := ServiceLevels(t.Context(), log, start, start.Add(time.Hour)); err != nil {
		t.Error(err)
	}
	if _, err := MonthLevels(t.Context(), log, start); err == nil {
		t.Error("the first days of the month are not there any more")
	}
}

// What was done before the period is only looked through: it counts on no day and in no month.
func TestLevelsOfBefore(t *testing.T) {
	start := time.Date(2027, 1, 10, 0, 0, 0, 0, time.UTC)
	log := kept{{Seq: 1, Kind: KindIntent, Time: start.AddDate(0, 0, -12), Program: "crm", Account: "a", Op: OpGrant}, {Seq: 2, Kind: KindOutcome, Of: 1, Time: start.AddDate(0, 0, -11), Outcome: Done},
		{Seq: 3, Kind: KindIntent, Time: start.AddDate(0, 0, -12), Program: "crm", Account: "b", Op: OpGrant}}
	if got, err := ServiceLevels(t.Context(), log, start, start.Add(time.Hour)); err != nil || len(got) != 0 {
		t.Errorf("%+v %v", got, err)
	}
	if got, err := MonthLevels(t.Context(), log, start); err != nil || len(got) != 0 {
		t.Errorf("%+v %v", got, err)
	}
}
