package config

import (
	"testing"
	"time"
)

// Each day's slot comes due exactly once, in zones with every kind of clock change, over twenty years.
func TestOneRunPerSlot(t *testing.T) {
	for _, zone := range []string{"UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca", "Asia/Kathmandu",
		"America/Sao_Paulo", "Pacific/Auckland", "Asia/Tehran", "Africa/Cairo"} {
		for _, fields := range []string{"30 2 * * *", "0 0 * * *", "30 1 * * *", "15 3 * * *"} {
			s, err := ParseSchedule("CRON_TZ=" + zone + " " + fields)
			if err != nil {
				t.Fatal(err)
			}
			at, end := time.Date(2016, 1, 1, 12, 0, 0, 0, time.UTC), time.Date(2036, 1, 1, 12, 0, 0, 0, time.UTC)
			runs, days := 0, int(end.Sub(at).Hours()/24)
			for next := s.Next(at); !next.After(end); next = s.Next(next) {
				if gap := next.Sub(at); runs > 0 && (gap < 22*time.Hour || gap > 26*time.Hour) {
					t.Fatalf("%s %s: %v after %v", zone, fields, next, at)
				}
				at = next
				runs++
			}
			if runs != days {
				t.Errorf("%s %s: %d runs in %d days", zone, fields, runs, days)
			}
		}
	}
}

func TestClockChange(t *testing.T) {
	for _, c := range []struct {
		schedule, from string
		want           []string
	}{
		{"CRON_TZ=Europe/Berlin 30 2,3 * * *", "2026-03-29T00:00:00Z", []string{"2026-03-29T01:30:00Z", "2026-03-30T00:30:00Z"}},
		{"CRON_TZ=Europe/Berlin 30 2 * * *", "2026-10-24T22:00:00Z", []string{"2026-10-25T01:30:00Z", "2026-10-26T01:30:00Z"}},
		{"CRON_TZ=Europe/Berlin */30 * * * *", "2026-10-25T00:15:00Z", []string{"2026-10-25T00:30:00Z", "2026-10-25T01:00:00Z", "2026-10-25T01:30:00Z"}},
		{"0 2 * * *", "2026-03-28T12:00:00Z", []string{"2026-03-29T02:00:00Z"}},
	} {
		s, err := ParseSchedule(c.schedule)
		if err != nil {
			t.Fatal(err)
		}
		at, _ := time.Parse(time.RFC3339, c.from)
		for _, want := range c.want {
			if at = s.Next(at); at.UTC().Format(time.RFC3339) != want {
				t.Errorf("%s after %s: %v, want %s", c.schedule, c.from, at.UTC(), want)
			}
		}
	}
	for _, bad := range []string{"@hourly", "CRON_TZ=Nowhere/Never * * * * *", "CRON_TZ=UTC CRON_TZ=UTC * * * * *", "0 0 30 2 *", "", "* * * * * *"} {
		if _, err := ParseSchedule(bad); err == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
}

func TestSlot(t *testing.T) {
	for text, want := range map[string]time.Duration{"*/15 * * * *": 15 * time.Minute, "0 8-18 * * 1-5": 62 * time.Hour, "0 0 1 * *": 31 * 24 * time.Hour} {
		s, err := ParseSchedule(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := Slot(s, time.Date(2026, 1, 7, 0, 0, 0, 0, time.UTC)); got != want && want < 600*time.Hour || got < 24*time.Hour && want > 600*time.Hour {
			t.Errorf("%s: %v, want %v", text, got, want)
		}
	}
}
