package dispatch_test

import (
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine/dispatch"
)

// zones have every kind of change: by an hour, by half an hour, at midnight, in Ramadan, once by a whole day, none.
func zones() []string {
	return strings.Fields(`UTC Europe/Berlin Europe/London Europe/Lisbon Europe/Dublin Europe/Moscow Europe/Istanbul Europe/Chisinau
		Africa/Cairo Africa/Casablanca Africa/Lagos Africa/Johannesburg Asia/Tehran Asia/Beirut Asia/Gaza Asia/Amman Asia/Kolkata
		Asia/Kathmandu Asia/Tokyo Asia/Pyongyang Asia/Shanghai Asia/Dubai Asia/Jerusalem Australia/Lord_Howe Australia/Sydney
		Australia/Eucla Australia/Perth Pacific/Auckland Pacific/Chatham Pacific/Apia Pacific/Norfolk America/New_York
		America/Los_Angeles America/St_Johns America/Sao_Paulo America/Havana America/Santiago America/Asuncion America/Caracas
		America/Scoresbysund Antarctica/Troll`)
}

func always[T any](v T) func() T { return func() T { return v } }

func schedule(t testing.TB, text string) *dispatch.Schedule {
	t.Helper()
	s, err := dispatch.ParseSchedule(text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// years is the time that the properties look at: short under -short.
func years() (from, to time.Time) {
	from, to = time.Date(2011, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2016, 1, 1, 0, 0, 0, 0, time.UTC)
	if testing.Short() {
		to = time.Date(2012, 1, 15, 0, 0, 0, 0, time.UTC)
	}
	return from, to
}

// In every zone each hour that passes has its slot, and no other: compared with all quarters of an hour there are.
func TestHourlySlotsAreTheHoursThatPass(t *testing.T) {
	for _, zone := range zones() {
		s := schedule(t, "CRON_TZ="+zone+" 0 * * * *")
		loc, err := time.LoadLocation(zone)
		if err != nil {
			t.Fatal(err)
		}
		from, to := years()
		next := s.Next(from.Add(-1))
		for at := from; at.Before(to); at = at.Add(15 * time.Minute) {
			if at.In(loc).Minute() != 0 {
				continue
			}
			if !next.Equal(at) {
				t.Fatalf("%s: the slot %v came, want %v", zone, next.In(loc), at.In(loc))
			}
			next = s.Next(next)
		}
	}
}

// In every zone each day of the calendar has its slot once, at whatever hour it is set.
func TestDailySlotsAreTheDays(t *testing.T) {
	for _, zone := range zones() {
		loc, err := time.LoadLocation(zone)
		if err != nil {
			t.Fatal(err)
		}
		for _, at := range []string{"0 0", "30 0", "30 1", "15 2", "30 2", "0 3", "59 23"} {
			s := schedule(t, "CRON_TZ="+zone+" "+at+" * * *")
			from, to := years()
			slot := s.Next(from)
			day := slot.In(loc)
			for slot = s.Next(slot); slot.Before(to); slot = s.Next(slot) {
				local := slot.In(loc)
				days := date(local).Sub(date(day)) / (24 * time.Hour)
				if change, _ := local.ZoneBounds(); days == 2 && change.Equal(slot) { // North Korea 2018: 23:59 was lost, and came at midnight
					local, days = date(local).AddDate(0, 0, -1), 1
				}
				skipped := zone == "Pacific/Apia" && strings.HasPrefix(day.Format(time.DateOnly), "2011-12-") && day.Day() >= 29 // Samoa had no 30th
				if days != 1 && !skipped {
					t.Fatalf("%s %s: after %v comes %v", zone, at, day, local)
				}
				if day.YearDay()%10 == 0 && !s.Last(slot.Add(time.Minute-1)).Equal(slot) {
					t.Fatalf("%s %s: Last does not find %v", zone, at, slot)
				}
				day = local
			}
		}
	}
}

func date(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
}

func TestSlotsAroundAChangeOfTheClocks(t *testing.T) {
	for name, c := range map[string]struct{ spec, from, slots string }{
		"lost hour, named":         {"30 2 * * *", "2026-03-28T12:00Z", "2026-03-29T01:00Z 2026-03-30T00:30Z"},
		"lost hour, each quarter":  {"*/15 2,3 * * *", "2026-03-29T00:40Z", "2026-03-29T01:00Z 2026-03-29T01:15Z"},
		"lost hour, even":          {"*/30 * * * *", "2026-03-29T00:10Z", "2026-03-29T00:30Z 2026-03-29T01:00Z 2026-03-29T01:30Z"},
		"double hour, named":       {"30 2 * * *", "2026-10-24T12:00Z", "2026-10-25T00:30Z 2026-10-26T01:30Z"},
		"double hour, from inside": {"30 2 * * *", "2026-10-25T01:10Z", "2026-10-26T01:30Z"},
		"double hour, even":        {"30 * * * *", "2026-10-25T00:10Z", "2026-10-25T00:30Z 2026-10-25T01:30Z 2026-10-25T02:30Z"},
		"weekdays":                 {"0 8 * * 1-5", "2026-03-27T10:00Z", "2026-03-30T06:00Z 2026-03-31T06:00Z"},
		"leap day":                 {"0 12 29 2 *", "2026-01-01T00:00Z", "2028-02-29T11:00Z 2032-02-29T11:00Z"},
	} {
		t.Run(name, func(t *testing.T) {
			s := schedule(t, "CRON_TZ=Europe/Berlin "+c.spec)
			at := minute(t, c.from)
			for _, want := range strings.Fields(c.slots) {
				if at = s.Next(at); !at.Equal(minute(t, want)) {
					t.Fatalf("got %v, want %s", at, want)
				}
			}
		})
	}
}

func minute(t testing.TB, text string) time.Time {
	t.Helper()
	at, err := time.Parse("2006-01-02T15:04Z", text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func TestLastSlotOfARareSchedule(t *testing.T) {
	s := schedule(t, "0 12 29 2 *")
	if got := s.Last(minute(t, "2031-12-31T00:00Z")); !got.Equal(minute(t, "2028-02-29T12:00Z")) {
		t.Error(got)
	}
	if got := s.Last(minute(t, "2028-02-29T12:00Z")); !got.Equal(minute(t, "2028-02-29T12:00Z")) {
		t.Error("the slot itself:", got)
	}
}

func TestWrongSchedules(t *testing.T) {
	for text, want := range map[string]string{
		"":                        "empty",
		"* * * *":                 "five fields",
		"61 * * * *":              "61",
		"@every 5m":               "intervals",
		"CRON_TZ=Europe/Berlin":   "a zone alone",
		"CRON_TZ=Mars/X * * * *":  "Mars",
		"CRON_TZ=Local 0 6 * * *": "no zone",
		"0 0 30 2 *":              "no such day",
	} {
		if _, err := dispatch.ParseSchedule(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
}
