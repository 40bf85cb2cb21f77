package dispatch_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/dispatch"
)

// office is what is run and worked, on the bubble's clock plus skew. The bubble's time starts at midnight UTC, 2000-01-01.
type office struct {
	mu      sync.Mutex
	skew    time.Duration
	last    time.Time // as the journal would say
	runs    []string  // "slot@time", times of day
	works   []string  // programs
	running int
	overlap bool
	takes   time.Duration // a run
	slow    map[string]time.Duration
	fail    error
}

func (o *office) now() time.Time {
	o.mu.Lock()
	defer o.mu.Unlock()
	return time.Now().UTC().Add(o.skew)
}

func (o *office) run(ctx context.Context, slot time.Time) error {
	name, at := "kick", o.now().Format("15:04:05")
	if !slot.IsZero() {
		name = slot.Format("15:04")
	}
	o.mu.Lock()
	o.runs = append(o.runs, name+"@"+at)
	o.running++
	o.overlap = o.overlap || o.running > 1
	o.mu.Unlock()
	err := pause(ctx, o.takes)
	o.mu.Lock()
	defer o.mu.Unlock()
	o.running--
	if err == nil {
		err = o.fail
	}
	if err == nil && slot.After(o.last) {
		o.last = slot
	}
	return err
}

func (o *office) work(ctx context.Context, program string) error {
	o.mu.Lock()
	o.works = append(o.works, program)
	d := o.slow[program]
	o.mu.Unlock()
	return pause(ctx, d)
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

func (o *office) options(t *testing.T, spec string, programs ...string) dispatch.Options {
	return dispatch.Options{Now: o.now, Schedule: always(schedule(t, spec)), Jobs: dispatch.Jobs{Run: o.run, Work: o.work, Programs: always(programs),
		Last: func(context.Context) (time.Time, error) { o.mu.Lock(); defer o.mu.Unlock(); return o.last, nil }}}
}

func (o *office) expect(t *testing.T, runs string) {
	t.Helper()
	o.mu.Lock()
	defer o.mu.Unlock()
	if got := strings.Join(o.runs, " "); got != runs {
		t.Errorf("runs %q, want %q", got, runs)
	}
	if o.overlap {
		t.Error("two runs at once")
	}
}

// serve runs do beside a Local, then stops it.
func serve(t *testing.T, o dispatch.Options, do func(*dispatch.Local)) {
	l := dispatch.NewLocal(o)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- l.Serve(ctx) }()
	synctest.Wait()
	do(l)
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// pass lets time pass, and what is due then happen.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func TestLocalRunsEachSlotOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &office{}
		serve(t, o.options(t, "*/15 * * * *"), func(*dispatch.Local) { pass(time.Hour) })
		o.expect(t, "00:15@00:15:00 00:30@00:30:00 00:45@00:45:00 01:00@01:00:00") // 00:00 was over when nothing was known yet
	})
}

func TestLocalMakesTheLastMissedSlotUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &office{last: time.Now().UTC().Add(-48 * time.Hour)}
		serve(t, o.options(t, "45 * * * *"), func(*dispatch.Local) { pass(time.Hour) })
		o.expect(t, "23:45@00:00:00 00:45@00:45:00")
		serve(t, o.options(t, "45 * * * *"), func(*dispatch.Local) { pass(time.Minute) }) // started again: nothing is missed
		o.expect(t, "23:45@00:00:00 00:45@00:45:00")
	})
}

func TestLocalRunsNeverOverlap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &office{takes: 100 * time.Minute}
		serve(t, o.options(t, "0 * * * *"), func(l *dispatch.Local) {
			pass(90 * time.Minute)
			l.Kick()
			l.Kick() // one more run is enough for both
			pass(8 * time.Hour)
		})
		o.expect(t, "01:00@01:00:00 02:00@02:40:00 kick@04:20:00 06:00@06:00:00 07:00@07:40:00 09:00@09:20:00")
	})
}

func TestLocalLeavesAFailedSlotToTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &office{fail: errors.New("the directory is down")}
		serve(t, o.options(t, "0 * * * *"), func(*dispatch.Local) { pass(150 * time.Minute) })
		o.expect(t, "01:00@01:00:00 02:00@02:00:00")
	})
}

func TestLocalTakesASlotDoneElsewhereForDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &office{fail: engine.ErrSlotDone}
		serve(t, o.options(t, "0 * * * *"), func(*dispatch.Local) { pass(90 * time.Minute) })
		o.expect(t, "01:00@01:00:00")
	})
}

func TestLocalWhenTheClockJumps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &office{}
		serve(t, o.options(t, "0 * * * *"), func(*dispatch.Local) {
			pass(65 * time.Minute)
			o.jump(5 * time.Hour) // 06:05
			pass(time.Minute)
			o.jump(-30 * time.Minute) // 05:36: the slot 06:00 was run already
			pass(30 * time.Minute)
			pass(time.Hour)
		})
		o.expect(t, "01:00@01:00:00 06:00@06:06:00 07:00@07:00:00")
	})
}

func (o *office) jump(d time.Duration) { o.mu.Lock(); defer o.mu.Unlock(); o.skew += d }

func TestASlowProgramDelaysNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &office{slow: map[string]time.Duration{"slow": 150 * time.Second}}
		serve(t, o.options(t, "0 * * * *", "quick", "slow"), func(*dispatch.Local) {
			pass(4*time.Minute + time.Second)
			slices.Sort(o.works)
			// slow: at 0:00, once more at 2:30 for the sweeps meanwhile, never twice at a time
			if got := strings.Join(o.works, " "); got != "quick quick quick quick quick slow slow" {
				t.Error(got)
			}
		})
	})
}

func TestStopWaitsForWhatIsUnderWayThenEndsIt(t *testing.T) {
	for name, c := range map[string]struct{ takes, grace, ends time.Duration }{
		"finished":    {20 * time.Second, time.Minute, 25 * time.Second},
		"grace ended": {time.Hour, time.Minute, time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := &office{takes: c.takes, slow: map[string]time.Duration{"wiki": c.takes + 5*time.Second}} // the work outlasts the run
				options := o.options(t, "0 * * * *", "wiki")
				options.Grace = c.grace
				began, unfinished := time.Now(), 0
				work := options.Work
				options.Work = func(ctx context.Context, program string) error {
					unfinished++
					defer func() { unfinished-- }()
					return work(ctx, program)
				}
				serve(t, options, func(l *dispatch.Local) {
					l.Kick()
					synctest.Wait()
				})
				if took := time.Since(began); took != c.ends {
					t.Errorf("it took %v to stop, want %v", took, c.ends)
				}
				if o.running != 0 || unfinished != 0 || len(o.works) != 1 {
					t.Errorf("under way: %d runs, %d works; worked %v", o.running, unfinished, o.works)
				}
			})
		})
	}
}

func TestAnUnreadableJournalRunsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &office{}
		options := o.options(t, "0 * * * *", "wiki")
		options.Last = func(context.Context) (time.Time, error) { return time.Time{}, errors.New("no connection") }
		serve(t, options, func(*dispatch.Local) { pass(90 * time.Minute) })
		o.expect(t, "")
	})
}

func TestAReloadedScheduleCountsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &office{}
		options, spec := o.options(t, "0 0 * * *"), schedule(t, "0 0 * * *")
		options.Schedule = func() *dispatch.Schedule { return spec }
		options.Sweep = time.Hour
		serve(t, options, func(l *dispatch.Local) {
			pass(10 * time.Minute)
			spec = schedule(t, "*/15 * * * *")
			l.Look()
			pass(5 * time.Minute)
		})
		o.expect(t, "00:15@00:15:00")
	})
}

func TestLocalTriesARunThatGaveWayAgain(t *testing.T) {
	for name, c := range map[string]struct {
		gives int // how many runs give way
		want  string
	}{
		"once":   {1, "01:00@01:00:00 01:00@01:00:00 02:00@02:00:00"},
		"always": {99, strings.Repeat("01:00@01:00:00 ", 5) + strings.TrimSpace(strings.Repeat("02:00@02:00:00 ", 5))},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := &office{}
				options := o.options(t, "0 * * * *")
				options.Run = func(ctx context.Context, slot time.Time) error {
					o.fail = nil
					if c.gives--; c.gives >= 0 {
						o.fail = engine.ErrDeposed // somebody applied by hand
					}
					return o.run(ctx, slot)
				}
				serve(t, options, func(*dispatch.Local) { pass(150 * time.Minute) })
				o.expect(t, c.want)
			})
		})
	}
}

// A program that waits for another one is worked once the other one's work has ended, not only at the next sweep.
func TestWhatWaitedIsWorkedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &office{slow: map[string]time.Duration{"hr": 10 * time.Second}}
		options := o.options(t, "0 * * * *", "crm", "hr")
		options.Then = func(program string) []string {
			if program == "hr" {
				return []string{"crm"}
			}
			return nil
		}
		serve(t, options, func(*dispatch.Local) {
			pass(11 * time.Second)
			slices.Sort(o.works[:2]) // both at once
			if got := strings.Join(o.works, " "); got != "crm hr crm" {
				t.Error(got)
			}
		})
	})
}

// Clocks of machines jump (a suspended laptop, a restored snapshot, a wrong time server) also while the clocks of a zone
// change: each slot is still run once.
func TestEachSlotOnceWhenClocksJumpOverAChangeOfTheClocks(t *testing.T) {
	const spring, autumn = "2000-03-26T00:50:30Z", "2000-10-29T00:20:30Z" // both change at 01:00 UTC
	for name, c := range map[string]struct {
		spec, begin string
		jumps       []time.Duration // forty minutes pass after each
		runs        string
	}{
		"spring, straight on":          {"30 2 * * *", spring, []time.Duration{0, 0}, "01:00@01:00:00"}, // 02:30 does not exist, so 03:00 of the new time
		"spring, over it and back":     {"30 2 * * *", spring, []time.Duration{3 * time.Hour, -3 * time.Hour, 0, 0}, "01:00@03:51:30"},
		"spring, back after it":        {"30 2 * * *", spring, []time.Duration{0, -2 * time.Hour, 0, 0, 0}, "01:00@01:00:00"},
		"autumn, straight on":          {"30 2 * * *", autumn, []time.Duration{0, 0, 0}, "00:30@00:30:00"}, // 02:30 comes twice
		"autumn, over both and back":   {"30 2 * * *", autumn, []time.Duration{2 * time.Hour, -2 * time.Hour, 0, 0, 0}, "00:30@02:21:30"},
		"autumn, back between the two": {"30 2 * * *", autumn, []time.Duration{0, -time.Hour, 0, 0, 0}, "00:30@00:30:00"},
		"autumn, forth and back each hour": {"0 * * * *", autumn, []time.Duration{0, -time.Hour, 2 * time.Hour, -time.Hour, 0, 0},
			"01:00@01:00:00 02:00@02:41:00 03:00@03:00:00 04:00@04:00:00"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				begin, err := time.Parse(time.RFC3339, c.begin)
				if err != nil {
					t.Fatal(err)
				}
				o := &office{skew: time.Until(begin)}
				serve(t, o.options(t, "CRON_TZ=Europe/Berlin "+c.spec), func(*dispatch.Local) {
					for _, d := range c.jumps {
						o.jump(d)
						pass(40 * time.Minute)
					}
				})
				o.expect(t, c.runs)
			})
		})
	}
}
