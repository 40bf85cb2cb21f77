package dispatch

import (
	"fmt"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
)

// Schedule gives the slots of a five-field cron expression. Slots are moments, whole minutes in UTC, so that a change of
// the clocks neither loses nor doubles one:
//
//   - Where the hour is *, time goes on evenly: `0 * * * *` has a slot in each hour that really passes, 23 of them on
//     the day that loses an hour, 25 on the day that gains one.
//   - Where hours are named, each local day has its slots once. What falls into an hour that does not exist comes at the
//     moment of the change (02:30 then is 03:00 of the new time); what falls into an hour that comes twice is run the
//     first time only.
//
// This is what Debian's cron(8) does for changes of up to three hours. The methods are pure.
type Schedule struct {
	text  string
	spec  cron.SpecSchedule // in UTC; it is asked for wall clock times
	zone  *time.Location
	hours bool // hours are named
}

// ParseSchedule reads "minute hour day month weekday" or a word such as @daily; UTC, unless it starts with
// "CRON_TZ=Europe/Berlin ". Intervals (@every) have no slots that two machines would agree on, and are refused.
func ParseSchedule(text string) (*Schedule, error) {
	if strings.TrimSpace(text) == "" {
		return nil, fmt.Errorf("the schedule is empty; write five fields such as \"*/15 * * * *\"")
	}
	utc := text
	if !strings.HasPrefix(text, "CRON_TZ=") && !strings.HasPrefix(text, "TZ=") {
		utc = "CRON_TZ=UTC " + text
	} else if !strings.Contains(strings.TrimSpace(text), " ") { // the parser would panic
		return nil, fmt.Errorf("schedule %q: a zone alone; add five fields such as \"*/15 * * * *\"", text)
	}
	if _, zone, _ := strings.Cut(utc, "="); strings.HasPrefix(zone, "Local ") { // machines would not agree
		return nil, fmt.Errorf("schedule %q: Local is no zone; name one such as Europe/Berlin", text)
	}
	parsed, err := cron.ParseStandard(utc)
	if err != nil {
		return nil, fmt.Errorf("schedule %q: %w; write five fields such as \"*/15 * * * *\"", text, err)
	}
	spec, ok := parsed.(*cron.SpecSchedule)
	if !ok {
		return nil, fmt.Errorf("schedule %q: intervals have no fixed slots; write five fields such as \"*/15 * * * *\"", text)
	}
	const everyHour = 1<<24 - 1
	s := &Schedule{text: text, spec: *spec, zone: spec.Location, hours: spec.Hour&everyHour != everyHour}
	s.spec.Location = time.UTC
	if s.Next(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)).IsZero() {
		return nil, fmt.Errorf("schedule %q: there is no such day in any year", text)
	}
	return s, nil
}

// String is the text that was parsed.
func (s *Schedule) String() string { return s.text }

// Next is the first slot after t, in UTC.
func (s *Schedule) Next(t time.Time) time.Time {
	t = t.In(s.zone)
	start, end := t.ZoneBounds()
	wall := clock(t)
	if s.hours && !start.IsZero() { // what this day had before the clocks went back has been
		wall = later(wall, before(start).Add(-1))
	}
	for {
		next := s.spec.Next(wall)
		if next.IsZero() {
			return next
		}
		slot := next.Add(-offset(t))
		if end.IsZero() || slot.Before(end) {
			return slot
		}
		// the clocks change first: they show old, then set
		old, set := before(end), clock(end.In(s.zone))
		if s.hours && s.spec.Next(old.Add(-1)).Before(set) {
			return end.UTC()
		}
		wall = set.Add(-1)
		if s.hours {
			wall = later(old, set).Add(-1)
		}
		t = end.In(s.zone)
		_, end = t.ZoneBounds()
	}
}

// Last is the last slot at or before t, in UTC; zero if there was none in the nine years before.
func (s *Schedule) Last(t time.Time) time.Time {
	for back := time.Hour; back < 9*366*24*time.Hour; back *= 2 {
		slot := s.Next(t.Add(-back))
		if slot.IsZero() || slot.After(t) {
			continue
		}
		for next := slot; !next.IsZero() && !next.After(t); next = s.Next(next) {
			slot = next
		}
		return slot
	}
	return time.Time{}
}

// clock is what a local clock shows, as if it were UTC.
func clock(t time.Time) time.Time { return t.UTC().Add(offset(t)) }

// before is what a clock would show at the moment of a change if it had not been changed.
func before(change time.Time) time.Time { return change.UTC().Add(offset(change.Add(-1))) }

func offset(t time.Time) time.Duration {
	_, seconds := t.Zone()
	return time.Duration(seconds) * time.Second
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
