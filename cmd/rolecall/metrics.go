package main

import (
	"context"
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
	goodFiles prometheus.Gauge
	trusted   prometheus.Gauge
	exports   *prometheus.GaugeVec
	notices   *prometheus.GaugeVec
	toGrant   prometheus.Histogram
	toRevoke  prometheus.Histogram
	standing  *standing
}

// newMetrics takes where the journal is to be found; log gives nil as long as there is none.
func newMetrics(now func() time.Time, log func() engine.ReviewLog) *metrics {
	// From a second to a day: a program's call at best, a slot and a retry at worst.
	delays := []float64{1, 5, 15, 60, 300, 900, 1800, 3600, 4 * 3600, 12 * 3600, 24 * 3600}
	m := &metrics{
		registry: prometheus.NewRegistry(), now: now,
		runs:    prometheus.NewCounterVec(prometheus.CounterOpts{Name: "rolecall_runs_total", Help: "Runs by result: done, partly, failed."}, []string{"result"}),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "rolecall_run_seconds", Help: "Duration of runs: reading, planning, recording.", Buckets: delays}),
		phases: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "rolecall_phase_seconds", Help: "Duration of the parts of runs; what is the program, where there is one.",
			Buckets: []float64{.01, .1, .5, 1, 5, 15, 60, 300, 1800}}, []string{"phase", "what"}),
		outcomes:  prometheus.NewCounterVec(prometheus.CounterOpts{Name: "rolecall_changes_total", Help: "Changes made here, by program, operation and outcome."}, []string{"program", "op", "outcome"}),
		goodFiles: prometheus.NewGauge(prometheus.GaugeOpts{Name: "rolecall_configuration_ok", Help: "1 if the newest configuration and policy are in force, 0 if they are broken."}),
		trusted:   prometheus.NewGauge(prometheus.GaugeOpts{Name: "rolecall_journal_ok", Help: "1 if the journal continues the checkpoint that is kept outside of it, 0 if it was rolled back or that can't be told: then nothing is done."}),
		exports:   prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "rolecall_export_ok", Help: "1 if an export took all that it was given last, 0 if it lags behind the journal."}, []string{"export"}),
		notices:   prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "rolecall_notices", Help: "Notices of the last run by level (info, warning, alarm) and code."}, []string{"level", "code"}),
		toGrant:   prometheus.NewHistogram(prometheus.HistogramOpts{Name: "rolecall_time_to_grant_seconds", Help: "From the record of the decision to that of the program's answer.", Buckets: delays}),
		toRevoke:  prometheus.NewHistogram(prometheus.HistogramOpts{Name: "rolecall_time_to_revoke_seconds", Help: "From the record of the decision to that of the program's answer.", Buckets: delays}),
		standing:  &standing{now: now, log: log},
	}
	m.registry.MustRegister(m.runs, m.seconds, m.phases, m.outcomes, m.notices, m.goodFiles, m.trusted, m.exports, m.toGrant, m.toRevoke, m.standing)
	m.configuration(true)
	m.trusted.Set(1)
	return m
}

func (m *metrics) configuration(good bool) { set(m.goodFiles, good) }

func (m *metrics) export(name string, good bool) { set(m.exports.WithLabelValues(name), good) }

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
	m.notices.Reset()
	for i := range p.Notices {
		m.notices.WithLabelValues(p.Notices[i].Level, p.Notices[i].Code).Inc()
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

// standing shows what the journal knows of the last run, whichever machine made it, and since when each source was not read
// completely. It implements prometheus.Collector.
type standing struct {
	now   func() time.Time
	log   func() engine.ReviewLog
	mu    sync.Mutex
	known engine.Standing
}

// lookFor bounds the look into the journal that a scrape takes; what was known before is shown if it fails.
const lookFor = 5 * time.Second

func age() *prometheus.Desc {
	return prometheus.NewDesc("rolecall_complete_read_age_seconds", "Time since the last complete read; absent while none is known.", []string{"source"}, nil)
}

func never() *prometheus.Desc {
	return prometheus.NewDesc("rolecall_never_read_completely", "1 for a source of which no complete read is known.", []string{"source"}, nil)
}

func awaiting() *prometheus.Desc {
	return prometheus.NewDesc("rolecall_approvals_waiting", "What waits for an approval now, as rolecall approvals list shows it; absent while there was no run.", nil, nil)
}

func blocked() *prometheus.Desc {
	return prometheus.NewDesc("rolecall_changes_blocked", "Changes of the last run that are blocked; absent while there was no run.", nil, nil)
}

// Describe implements prometheus.Collector.
func (s *standing) Describe(to chan<- *prometheus.Desc) {
	to <- age()
	to <- never()
	to <- awaiting()
	to <- blocked()
}

// look asks the journal. What was known before is given if it can't be read, of which /readyz tells.
func (s *standing) look() engine.Standing {
	s.mu.Lock()
	defer s.mu.Unlock()
	if log := s.log(); log != nil {
		ctx, cancel := context.WithTimeout(context.Background(), lookFor)
		defer cancel()
		_ = s.known.Look(ctx, log)
	}
	known := s.known
	known.Read = maps.Clone(known.Read)
	return known
}

// Collect implements prometheus.Collector.
func (s *standing) Collect(to chan<- prometheus.Metric) {
	known := s.look()
	if !known.Known {
		return // unknown is not zero
	}
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	gauge(awaiting(), float64(known.Approval))
	gauge(blocked(), float64(known.Blocked))
	for _, source := range slices.Sorted(maps.Keys(known.Read)) {
		if at := known.Read[source]; at.IsZero() {
			gauge(never(), 1, source)
		} else {
			gauge(never(), 0, source)
			gauge(age(), s.now().Sub(at).Seconds(), source)
		}
	}
}
