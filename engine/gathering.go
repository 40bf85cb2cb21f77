package engine

import (
	"cmp"
	"time"
)

// gathering follows the windows of all limits through a journal.
type gathering struct {
	limits   Limits
	now      time.Time
	first    time.Time            // day
	began    map[string]time.Time // program → when its first change was
	windows  map[windowKey]*window
	counters []counter
}

type windowKey struct {
	limit   int
	program string // "" is all
}

// window is what was counted within one limit's window, and the highest of each day.
type window struct {
	queue []unitAt
	times map[string]int
	days  map[time.Time]int
}

type unitAt struct {
	at   time.Time
	unit string
}

func newGathering(l Limits, now time.Time) *gathering {
	return &gathering{limits: l, now: now, began: map[string]time.Time{}, windows: map[windowKey]*window{}, counters: counters()}
}

func dayOf(t time.Time) time.Time { return t.UTC().Truncate(24 * time.Hour) }

func (g *gathering) charge(r *Record) {
	if r.Class == "" {
		return
	}
	if g.first.IsZero() {
		g.first = dayOf(r.Time)
	}
	if began, known := g.began[r.Program]; !known {
		g.began[r.Program] = r.Time
		return
	} else if r.Time.Sub(began) < 24*time.Hour {
		return
	}
	for i, c := range g.counters {
		if c.class != r.Class {
			continue
		}
		unit := cmp.Or(r.Person, r.Program+"\x1f"+r.Account)
		if c.by == holdings {
			unit = r.Program + "\x1f" + r.Account + "\x1f" + r.Entitlement
		}
		for _, program := range []string{r.Program, ""} {
			g.window(windowKey{i, program}).add(r.Time, unit, c.of(&g.limits).Window)
		}
	}
}

func (g *gathering) window(k windowKey) *window {
	if g.windows[k] == nil {
		g.windows[k] = &window{times: map[string]int{}, days: map[time.Time]int{}}
	}
	return g.windows[k]
}

func (w *window) add(at time.Time, unit string, length time.Duration) {
	for len(w.queue) > 0 && at.Sub(w.queue[0].at) >= length {
		old := w.queue[0].unit
		if w.times[old]--; w.times[old] == 0 {
			delete(w.times, old)
		}
		w.queue = w.queue[1:]
	}
	w.queue = append(w.queue, unitAt{at, unit})
	w.times[unit]++
	day := dayOf(at)
	w.days[day] = max(w.days[day], len(w.times))
}
