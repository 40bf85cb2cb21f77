//go:build testclock

package main

import (
	"context"
	"fmt"
	"os"
	"time"
)

// onTestClock puts the program on the clock of the test that built it with the tag testclock, so that a schedule's hours
// pass in seconds: ROLECALL_TEST_CLOCK is "BEGAN AT SPEED", two instants in Unix nanoseconds (of the real clock, and what
// the clock showed then) and a factor.
func onTestClock(p *process) {
	var began, at, speed int64
	if _, err := fmt.Sscan(os.Getenv("ROLECALL_TEST_CLOCK"), &began, &at, &speed); err != nil {
		panic("ROLECALL_TEST_CLOCK: " + err.Error())
	}
	p.Now = func() time.Time {
		return time.Unix(0, at).Add(time.Duration(speed) * time.Since(time.Unix(0, began))).Truncate(time.Microsecond)
	}
	p.Wait = func(ctx context.Context, d time.Duration) error {
		t := time.NewTimer(d / time.Duration(speed))
		defer t.Stop()
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-t.C:
			return nil
		}
	}
	p.Poll, p.Sweep = 100*time.Millisecond, 300*time.Millisecond
}
