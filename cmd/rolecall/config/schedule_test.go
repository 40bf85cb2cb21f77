package config

import (
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine/dispatch"
)

func TestSlot(t *testing.T) {
	for text, want := range map[string]time.Duration{"*/15 * * * *": 15 * time.Minute, "0 8-18 * * 1-5": 62 * time.Hour, "0 0 1 * *": 31 * 24 * time.Hour} {
		s, err := dispatch.ParseSchedule(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := Slot(s, time.Date(2026, 1, 7, 0, 0, 0, 0, time.UTC)); got != want && want < 600*time.Hour || got < 24*time.Hour && want > 600*time.Hour {
			t.Errorf("%s: %v, want %v", text, got, want)
		}
	}
}
