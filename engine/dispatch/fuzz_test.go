package dispatch

import (
	"strings"
	"testing"
	"time"
)

// FuzzSchedule: any text is refused, or gives slots that go forward, on whole minutes, the same from wherever one asks.
func FuzzSchedule(f *testing.F) {
	for _, s := range []string{"*/15 * * * *", "0 0 29 2 *", "CRON_TZ=Europe/Berlin 30 2 * * *", "@daily", "@every 1h", "TZ=", "CRON_TZ=x", "0 0 31 2 *", "CRON_TZ=Local * * * * *",
		"59 23 31 12 7", "*/0 * * * *", "1-2/3 * * * *", "CRON_TZ=America/Sao_Paulo 0 0 * * *", "CRON_TZ=Pacific/Apia 0 12 * * 5", "1,1,1 * * jan mon", "\x00 * * * *", "* * * * * *", "? ? ? ? ?"} {
		f.Add(s, int64(1_800_000_000))
		f.Add(s, int64(1_792_897_200)) // an hour that comes twice in Europe
	}
	f.Fuzz(func(t *testing.T, text string, at int64) {
		s, err := ParseSchedule(text)
		if err != nil {
			if !strings.Contains(err.Error(), "schedule") {
				t.Fatalf("no place: %v", err)
			}
			return
		}
		now := time.Unix(at&0x7fff_ffff+1, 0).UTC()
		next := s.Next(now)
		if next.IsZero() {
			return // too far away
		}
		if !next.After(now) || next.Second() != 0 || next.Nanosecond() != 0 || next.Location() != time.UTC {
			t.Fatalf("%q: after %s comes %s", text, now, next)
		}
		if again := s.Next(next.Add(-1)); !again.Equal(next) {
			t.Fatalf("%q: after %s comes %s, and a moment before that %s", text, now, next, again)
		}
		if last := s.Last(next); !last.Equal(next) {
			t.Fatalf("%q: the last slot at %s is %s", text, next, last)
		}
	})
}
