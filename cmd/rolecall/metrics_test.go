package main

import (
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/enginetest"
)

// The notices of the last run are counted by code, and are gone with the next run that has none.
func TestNoticesAreCounted(t *testing.T) {
	m := newMetrics(time.Now, func() engine.ReviewLog { return nil })
	counted := func() map[string]float64 {
		families, err := m.registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		out := map[string]float64{}
		for _, f := range families {
			for _, one := range f.GetMetric() {
				if f.GetName() == "rolecall_notices" {
					out[one.GetLabel()[1].GetValue()+" "+one.GetLabel()[0].GetValue()] = one.GetGauge().GetValue()
				}
			}
		}
		return out
	}
	unfinished := engine.Notice{Level: "alarm", Code: engine.NoticeUnfinished}
	m.run(time.Second, &engine.Plan{Notices: []engine.Notice{unfinished, unfinished, {Level: "info", Code: "expected"}}}, engine.Report{}, nil)
	if got := counted(); got["alarm leaver-unfinished"] != 2 || got["info expected"] != 1 {
		t.Errorf("%v", got)
	}
	m.run(time.Second, &engine.Plan{}, engine.Report{}, nil)
	if got := counted(); len(got) != 0 {
		t.Errorf("%v are left", got)
	}
}

// Unknown is not zero: before the first run nobody can say how much waits.
func TestMetricsClaimNothingBeforeTheFirstRun(t *testing.T) {
	families, err := newMetrics(time.Now, func() engine.ReviewLog { return nil }).registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		switch f.GetName() {
		case "rolecall_approvals_waiting", "rolecall_changes_blocked", "rolecall_complete_read_age_seconds":
			t.Errorf("%s is %v", f.GetName(), f.GetMetric())
		}
	}
}

// What waits is asked of the journal at each look, so it ends with the approval and not with the next run.
func TestMetricsCountWhatWaits(t *testing.T) {
	j := enginetest.NewJournal(enginetest.NewClock().Now)
	item := func(id string, state engine.ItemState) engine.Fact {
		return engine.Fact{FactKey: engine.FactKey{Kind: engine.FactItem, Key: id}, Data: []byte(`{"state":"` + string(state) + `"}`)}
	}
	write := func(r engine.Record) {
		t.Helper()
		if err := j.Append(t.Context(), engine.Free, []engine.Record{r}); err != nil {
			t.Fatal(err)
		}
	}
	m := newMetrics(time.Now, func() engine.ReviewLog { return j })
	write(engine.Record{Kind: engine.KindRun, Run: "r1", Data: []byte(`{"summary":{"approval":7,"blocked":3}}`),
		Set: []engine.Fact{{FactKey: engine.FactKey{Kind: engine.FactRun}}, item("i1", engine.Waiting), item("i2", engine.Waiting), item("i3", engine.Approved)}})
	waits := func(want, blocked float64) {
		t.Helper()
		if got := gauges(t, m); got["rolecall_approvals_waiting"] != want || got["rolecall_changes_blocked"] != blocked {
			t.Errorf("%v, not %v and %v", got, want, blocked)
		}
	}
	waits(2, 3)
	write(engine.Record{Kind: engine.KindApprove, Actor: "ann", Set: []engine.Fact{item("i1", engine.Approved)}})
	waits(1, 3)
}

func gauges(t *testing.T, m *metrics) map[string]float64 {
	t.Helper()
	families, err := m.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]float64{}
	for _, f := range families {
		for _, one := range f.GetMetric() {
			out[f.GetName()] = one.GetGauge().GetValue() + float64(one.GetHistogram().GetSampleCount())
		}
	}
	return out
}

// What was given counts as time to grant, what was taken as time to revoke, and what was not done as neither.
func TestMetricsMeasureTheWayToAccess(t *testing.T) {
	m := newMetrics(time.Now, func() engine.ReviewLog { return nil })
	for op, outcome := range map[engine.Op]engine.Outcome{engine.OpGrant: engine.Done, engine.OpRevoke: engine.Done, engine.OpCreate: engine.Failed, engine.OpSuspend: engine.Done, engine.OpRename: engine.Done} {
		m.settled(engine.Intent{Change: engine.Change{Program: "wiki", Op: op}}, outcome)
	}
	if got := gauges(t, m); got["rolecall_time_to_grant_seconds"] != 1 || got["rolecall_time_to_revoke_seconds"] != 2 {
		t.Errorf("%v", got)
	}
}
