package main

import (
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// The notices of the last run are counted by code, and are gone with the next run that has none.
func TestNoticesAreCounted(t *testing.T) {
	m := newMetrics(time.Now, func() engine.Log { return nil })
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
	families, err := newMetrics(time.Now, func() engine.Log { return nil }).registry.Gather()
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
