package main

import (
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/rolecall/rolecall/engine"
)

// metrics counts what the daemon does, in a registry of its own.
type metrics struct {
	registry  *prometheus.Registry
	now       func() time.Time
	runs      *prometheus.CounterVec
	seconds   prometheus.Histogram
	phases    *prometheus.HistogramVec
	outcomes  *prometheus.CounterVec
	waiting   prometheus.Gauge
	blocked   prometheus.Gauge
	goodFiles prometheus.Gauge
	trusted   prometheus.Gauge
	notices   *prometheus.GaugeVec
	toGrant   prometheus.Histogram
	toRevoke  prometheus.Histogram
	sources   *sources
}

func newMetrics(now func() time.Time) *metrics {
	// From a second to a day: a program's call at best, a slot and a retry at worst.
	delays := []float64{1, 5, 15, 60, 300, 900, 1800, 3600, 4 * 3600, 12 * 3600, 24 * 3600}
	m := &metrics{
		registry: prometheus.NewRegistry(), now: now,
		runs:    prometheus.NewCounterVec(prometheus.CounterOpts{Name: "rolecall_runs_total", Help: "Runs by result: done, partly, failed."}, []string{"result"}),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "rolecall_run_seconds", Help: "Duration of runs: reading, planning, recording.", Buckets: delays}),
		phases: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "rolecall_phase_seconds", Help: "Duration of the parts of runs; what is the program, where there is one.",
			Buckets: []float64{.01, .1, .5, 1, 5, 15, 60, 300, 1800}}, []string{"phase", "what"}),
		outcomes:  prometheus.NewCounterVec(prometheus.CounterOpts{Name: "rolecall_changes_total", Help: "Changes made here, by program, operation and outcome."}, []string{"program", "op", "outcome"}),
		waiting:   prometheus.NewGauge(prometheus.GaugeOpts{Name: "rolecall_approvals_waiting", Help: "Changes of the last run that wait for approval."}),
		blocked:   prometheus.NewGauge(prometheus.GaugeOpts{Name: "rolecall_changes_blocked", Help: "Changes of the last run that are blocked."}),
		goodFiles: prometheus.NewGauge(prometheus.GaugeOpts{Name: "rolecall_configuration_ok", Help: "1 if the newest configuration and policy are in force, 0 if they are broken."}),
		trusted:   prometheus.NewGauge(prometheus.GaugeOpts{Name: "rolecall_journal_ok", Help: "1 if the journal continues the checkpoint that is kept outside of it, 0 if it was rolled back or that can't be told: then nothing is done."}),
		notices:   prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "rolecall_notices", Help: "Notices of the last run by level (info, warning, alarm) and code."}, []string{"level", "code"}),
		toGrant:   prometheus.NewHistogram(prometheus.HistogramOpts{Name: "rolecall_time_to_grant_seconds", Help: "From the record of the decision to that of the program's answer.", Buckets: delays}),
		toRevoke:  prometheus.NewHistogram(prometheus.HistogramOpts{Name: "rolecall_time_to_revoke_seconds", Help: "From the record of the decision to that of the program's answer.", Buckets: delays}),
		sources:   &sources{now: now, at: map[string]time.Time{}},
	}
	m.registry.MustRegister(m.runs, m.seconds, m.phases, m.outcomes, m.waiting, m.blocked, m.notices, m.goodFiles, m.trusted, m.toGrant, m.toRevoke, m.sources)
	m.configuration(true)
	m.trusted.Set(1)
	return m
}

func (m *metrics) configuration(good bool) { set(m.goodFiles, good) }

func (m *metrics) trust(good bool) { set(m.trusted, good) }

func set(g prometheus.Gauge, good bool) {
	g.Set(0)
	if good {
		g.Set(1)
	}
}

// phase counts one part of a run.
func (m *metrics) phase(phase, what string, took time.Duration) {
	m.phases.WithLabelValues(phase, what).Observe(took.Seconds())
}

// run counts one run.
func (m *metrics) run(took time.Duration, p *engine.Plan, r engine.Report, err error) {
	m.seconds.Observe(took.Seconds())
	result := "done"
	switch {
	case err != nil:
		result = "failed"
	case reportCode(p, r) == exitPartly:
		result = "partly"
	}
	m.runs.WithLabelValues(result).Inc()
	if p == nil {
		return
	}
	m.waiting.Set(float64(p.Summary.Approval))
	m.blocked.Set(float64(p.Summary.Blocked))
	m.notices.Reset()
	for i := range p.Notices {
		m.notices.WithLabelValues(p.Notices[i].Level, p.Notices[i].Code).Inc()
	}
	for i := range p.Proofs {
		m.sources.read(&p.Proofs[i])
	}
}

// settled counts what became of an intent that was worked here.
func (m *metrics) settled(i engine.Intent, o engine.Outcome) {
	m.outcomes.WithLabelValues(i.Change.Program, string(i.Change.Op), string(o)).Inc()
	took := m.now().Sub(i.Time).Seconds()
	switch op := i.Change.Op; {
	case o != engine.Done:
	case op.Gives():
		m.toGrant.Observe(took)
	case op.Takes():
		m.toRevoke.Observe(took)
	}
}

// sources remembers when each source was last read completely. It implements prometheus.Collector.
type sources struct {
	now func() time.Time
	mu  sync.Mutex
	at  map[string]time.Time
}

func (s *sources) read(p *engine.Proof) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, known := s.at[p.Source]; !known {
		s.at[p.Source] = time.Time{} // never
	}
	if p.Complete() {
		s.at[p.Source] = p.Finished
	}
}

func age() *prometheus.Desc {
	return prometheus.NewDesc("rolecall_complete_read_age_seconds", "Time since the last complete read; absent while there was none.", []string{"source"}, nil)
}

func never() *prometheus.Desc {
	return prometheus.NewDesc("rolecall_never_read_completely", "1 for a source that this daemon has not read completely yet.", []string{"source"}, nil)
}

// Describe implements prometheus.Collector.
func (s *sources) Describe(to chan<- *prometheus.Desc) { to <- age(); to <- never() }

// Collect implements prometheus.Collector.
func (s *sources) Collect(to chan<- prometheus.Metric) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, source := range slices.Sorted(maps.Keys(s.at)) {
		at, missing := s.at[source], 0.0
		if at.IsZero() {
			missing = 1
		} else {
			to <- prometheus.MustNewConstMetric(age(), prometheus.GaugeValue, s.now().Sub(at).Seconds(), source)
		}
		to <- prometheus.MustNewConstMetric(never(), prometheus.GaugeValue, missing, source)
	}
}
