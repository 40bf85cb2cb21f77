package directory

import (
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
)

func TestParseWhen(t *testing.T) {
	day := func(y int, m time.Month, d int) when { return when{day: time.Date(y, m, d, 0, 0, 0, 0, time.UTC)} }
	for in, want := range map[string]when{
		"": {}, "0": {}, "9223372036854775807": {},
		"2027-03-31": day(2027, 3, 31), "20270331": day(2027, 3, 31), "2027-03-31T00:00:00Z": day(2027, 3, 31),
		"20270331000000Z": day(2027, 3, 31), "20270331000000.0Z": day(2027, 3, 31), "31.03.2027": day(2027, 3, 31),
		"20270331173000Z":           {instant: time.Date(2027, 3, 31, 17, 30, 0, 0, time.UTC)},
		"2027-03-31T17:30:00+02:00": {instant: time.Date(2027, 3, 31, 15, 30, 0, 0, time.UTC)},
		"132539328000000000":        {instant: time.Date(2021, 1, 1, 0, 0, 0, 0, time.UTC)}, // [MS-ADTS] accountExpires
	} {
		if got, err := parseWhen(in, []string{"02.01.2006"}); err != nil || got != want {
			t.Errorf("%q: %v, %v; want %v", in, got, err, want)
		}
	}
	for _, in := range []string{"someday", "2027-02-30", "31.3.2027", "-1", "20271301"} {
		if got, err := parseWhen(in, nil); err == nil {
			t.Errorf("%q: %v", in, got)
		}
	}
}

// The first instant of each day, where clocks jump over midnight, go back over it, or a whole day is missing.
func TestDayStart(t *testing.T) {
	for _, name := range []string{"Europe/Berlin", "America/Sao_Paulo", "Asia/Beirut", "Africa/Cairo", "Pacific/Apia", "America/Havana", "Australia/Lord_Howe", "Asia/Tehran", "UTC"} {
		zone, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		last := time.Time{}
		for day := time.Date(2009, 1, 1, 0, 0, 0, 0, time.UTC); day.Year() < 2028; day = day.AddDate(0, 0, 1) {
			at := dayStart(day, zone)
			if y, m, d := day.Date(); before(at, y, m, d) || !before(at.Add(-time.Nanosecond), y, m, d) {
				t.Fatalf("%s %s starts at %s", name, day.Format(time.DateOnly), at)
			}
			if at.Before(last) {
				t.Fatalf("%s %s starts before the day before it", name, day.Format(time.DateOnly))
			}
			last = at
		}
	}
}

// A date is inclusive: the last instant of the day in the person's zone still counts, the next does not.
func TestEndIsInclusive(t *testing.T) {
	berlin, _ := time.LoadLocation("Europe/Berlin")
	end := time.Date(2027, 4, 1, 0, 0, 0, 0, berlin)
	for at, want := range map[time.Time]engine.State{end.Add(-time.Nanosecond): engine.StateActive, end: engine.StateLeft} {
		p := state(t, at, Zone{Company: berlin}, map[string]string{"end": "2027-03-31"})
		if p.State != want {
			t.Errorf("at %s: %s (%s)", at, p.State, p.StateWhy)
		}
	}
}

func TestStates(t *testing.T) {
	for _, c := range []struct {
		name string
		jobs []map[string]string
		want engine.State
		left int // jobs that still count
	}{
		{"no dates", []map[string]string{{}}, engine.StateActive, 1},
		{"one of two has ended", []map[string]string{{"end": "2020-01-01"}, {"title": "x"}}, engine.StateActive, 1},
		{"both have ended", []map[string]string{{"end": "2020-01-01"}, {"status": "terminated"}}, engine.StateLeft, 2},
		{"away from one", []map[string]string{{"status": "leave"}, {"title": "x"}}, engine.StateActive, 2},
		{"one unreadable", []map[string]string{{"title": "x"}, {"end": "x"}}, engine.StateUnknown, 2},
		{"a mark weighs more than an unreadable date", []map[string]string{{"status": "terminated", "start": "x"}}, engine.StateLeft, 1},
		{"one ended, one to come", []map[string]string{{"end": "2020-01-01"}, {"start": "2028-01-01"}}, engine.StateUpcoming, 2},
	} {
		p := state(t, noon(), Zone{}, c.jobs...)
		if p.State != c.want || p.Marked != (c.want == engine.StateLeft) || len(p.Jobs) != c.left {
			t.Errorf("%s: %s (%s), %d jobs", c.name, p.State, p.StateWhy, len(p.Jobs))
		}
	}
}

// With an expression for active, a status that no expression knows is no state.
func TestUnlistedStatus(t *testing.T) {
	cfg := hr()
	cfg.States[engine.StateActive] = is("status", "employed")
	for status, want := range map[string]engine.State{"employed": engine.StateActive, "seconded": engine.StateUnknown, "leave": engine.StateAway} {
		b := newBuilder(&cfg)
		b.person(&entry{place: "x", attrs: []raw{{name: "id", values: []string{"1"}}, {name: "status", values: []string{status}}}})
		if p := finished(t, b)[0]; p.State != want {
			t.Errorf("%s: %s (%s)", status, p.State, p.StateWhy)
		}
	}
}

func state(t *testing.T, now time.Time, zone Zone, jobs ...map[string]string) engine.Person {
	t.Helper()
	cfg := hr()
	cfg.Zone = zone
	cfg.Now = func() time.Time { return now }
	b := newBuilder(&cfg)
	b.rows = true
	for _, j := range jobs {
		e := entry{place: "x", attrs: []raw{{name: "id", values: []string{"1"}}}}
		for name, v := range j {
			e.attrs = append(e.attrs, raw{name: name, values: []string{v}})
		}
		b.person(&e)
	}
	return finished(t, b)[0]
}

func finished(t testing.TB, b *builder) (people []engine.Person) {
	t.Helper()
	if _, err := b.finish(t.Context(), func(p engine.Person) error { people = append(people, p); return nil }); err != nil {
		t.Fatal(err)
	}
	return people
}
