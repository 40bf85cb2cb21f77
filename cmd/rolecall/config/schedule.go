package config

import (
	"time"

	"github.com/rolecall/rolecall/engine/dispatch"
)

// Slot is the longest time between two runs of a schedule in the fortnight after a date.
func Slot(s *dispatch.Schedule, from time.Time) (longest time.Duration) {
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
