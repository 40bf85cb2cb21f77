package config

import (
	"errors"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
)

// ParseSchedule reads five-field cron, in UTC unless it begins with CRON_TZ=ZONE. Each slot comes due exactly once, also
// across clock changes: a time of day that a change skips comes due as much later as the clock jumped, one that it
// repeats comes due once. Schedules for every hour simply follow the elapsed time.
func ParseSchedule(text string) (cron.Schedule, error) {
	zone, fields := time.UTC, strings.TrimSpace(text)
	if rest, named := cutZone(fields); named {
		name, after, _ := strings.Cut(rest, " ")
		loc, err := time.LoadLocation(name)
		if err != nil || name == "Local" || name == "" {
			return nil, errors.New("the schedule names no known time zone: " + name)
		}
		zone, fields = loc, strings.TrimSpace(after)
	}
	if strings.HasPrefix(fields, "@") || strings.Contains(fields, "TZ=") {
		return nil, errors.New("the schedule is not five-field cron")
	}
	everyHour := everyHour(fields)
	// Without a zone the library takes the machine's, which differs from machine to machine.
	in := "UTC"
	if everyHour {
		in = zone.String()
	}
	s, err := cron.ParseStandard("CRON_TZ=" + in + " " + fields)
	if err != nil {
		return nil, errors.New("the schedule can't be read: " + err.Error())
	}
	if s.Next(time.Unix(0, 0)).IsZero() {
		return nil, errors.New("the schedule never comes due")
	}
	if everyHour || zone == time.UTC {
		return s, nil
	}
	return wallClock{s, zone}, nil
}

func cutZone(text string) (rest string, named bool) {
	if rest, named = strings.CutPrefix(text, "CRON_TZ="); named {
		return rest, true
	}
	return strings.CutPrefix(text, "TZ=")
}

// everyHour says that the second field is a bare star.
func everyHour(fields string) bool {
	f := strings.Fields(fields)
	return len(f) > 1 && f[1] == "*"
}

// wallClock runs a schedule on the wall clock of a zone.
type wallClock struct {
	clock cron.Schedule // in UTC, read as the wall clock
	zone  *time.Location
}

// Next is the first slot after t. A clock change may swap the order of slots, so the neighbours are looked at as well.
func (w wallClock) Next(t time.Time) time.Time {
	const reach = 4 * time.Hour // no clock change moves further
	var best time.Time
	local := onClock(t.In(w.zone))
	for wall := w.clock.Next(local.Add(-reach)); !wall.IsZero(); wall = w.clock.Next(wall) {
		if !best.IsZero() && wall.After(onClock(best).Add(reach)) {
			break
		}
		at := time.Date(wall.Year(), wall.Month(), wall.Day(), wall.Hour(), wall.Minute(), 0, 0, w.zone)
		if at.After(t) && (best.IsZero() || at.Before(best)) {
			best = at
		}
	}
	return best
}

// onClock is what a wall clock shows, as if it were UTC.
func onClock(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC)
}

// Slot is the longest time between two runs of a schedule in the fortnight after a date.
func Slot(s cron.Schedule, from time.Time) (longest time.Duration) {
	end := from.AddDate(0, 0, 15)
	last := s.Next(from)
	for !last.IsZero() && last.Before(end) {
		next := s.Next(last)
		longest, last = max(longest, next.Sub(last)), next
	}
	if longest == 0 {
		return s.Next(last).Sub(last)
	}
	return longest
}
