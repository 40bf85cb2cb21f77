package main

import (
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// testKilledAtRandom kills the program at random times, also while it recovers from the last kill: 30 times on SQLite, 2,000
// times in `make soak`.
func testKilledAtRandom(t *testing.T, lab *crashLab) {
	most := 30
	if soaking() {
		most = 2000
	}
	s := &scene{name: "a day", start: lab.day(true)}
	want, _ := s.sane(t)
	var kills, histories atomic.Int64
	began := time.Now()
	for int(kills.Load()) < most {
		var batch []*doomed
		for range 4 {
			batch = append(batch, s.start.copy())
		}
		each(batch, func(d *doomed) {
			defer d.end()
			random := rand.New(rand.NewPCG(1, uint64(histories.Add(1))))
			for range 1 + random.IntN(3) {
				if d.killedAfter(time.Duration(random.ExpFloat64() * float64(40*time.Millisecond))) {
					kills.Add(1)
				}
				d.at = d.at.Add(time.Duration(random.IntN(20)) * time.Minute)
			}
			d.recordedFirst()
			d.settle()
			if have := d.state(); have != want {
				d.wrong("the state afterwards differs:\n%s", difference(want, have))
			}
		})
		for _, d := range batch {
			for _, p := range d.problems {
				t.Errorf("one of the histories up to %d: %s", histories.Load(), p)
			}
		}
		if t.Failed() {
			return
		}
	}
	t.Logf("%d histories in %v", histories.Load(), time.Since(began).Round(time.Second))
	survived(t, "kill -9 at a random time, SQLite", int(kills.Load()))
}

// killedAfter is false if apply was quicker than the kill.
func (d *doomed) killedAfter(after time.Duration) bool {
	cmd := d.command("apply")
	if err := cmd.Start(); err != nil {
		d.t.Fatal(err)
	}
	kill := time.AfterFunc(after, func() { _ = cmd.Process.Signal(syscall.SIGKILL) })
	defer kill.Stop()
	_ = cmd.Wait() // how it ended is looked at
	return cmd.ProcessState.ExitCode() == -1
}

// testKilledDaemons kills a daemon where only daemons come by, and has another one go on.
func testKilledDaemons(t *testing.T, lab *crashLab) {
	for at, store := range map[string]string{"enqueue.before 1": "postgres", "enqueue.after 1": "postgres", "commit.after 1": "sqlite", "outcome.before 2": "sqlite"} {
		t.Run(at, func(t *testing.T) {
			f := newFleet(t, lab.binary, lab.server, store, "* * * * *", "09:00:20", 60)
			replace(t, f.dir+"/rolecall.yaml", "    rate: 1\n", "")
			f.env = []string{"ROLECALL_FAILPOINT=" + at + " kill"}
			a := f.start("a", "serve")
			if how := a.ended(time.Minute); how != "signal: killed" {
				t.Fatal(how)
			}
			f.env = nil
			f.start("b", "serve").stopWhenSettled(f)
			f.uniqueSlots()
			f.rolecall(0, "audit", "verify")
		})
	}
}

func (m *machine) stopWhenSettled(f *fleet) {
	m.t.Helper()
	f.settled()
	m.stop()
}

// testKilledWhileItLooksForACommit breaks the connection in the middle of a commit, and kills the program while it finds out what
// became of it.
func testKilledWhileItLooksForACommit(t *testing.T, lab *crashLab) {
	s := &scene{name: "a day", start: lab.day(false)}
	want, _ := s.sane(t)
	for _, at := range []string{"transaction.torn 2"} { // the plan; a claim is not looked for
		d := s.start.copy()
		h := d.haltAt(at+" stop,recover.before 1 kill", "apply")
		if h == nil {
			t.Fatalf("it does not come to %s", at)
		}
		lab.server.StopImmediate()
		lab.server.Start(t)
		if said, code := h.goOn(); code != -1 {
			t.Errorf("%s: it did not die: exit code %d: %s", at, code, said)
		}
		d.settle()
		if have := d.state(); have != want {
			d.wrong("the state afterwards differs:\n%s", difference(want, have))
		}
		if len(d.problems) > 0 {
			t.Errorf("%s: %s", at, strings.Join(d.problems, "\n"))
		}
		d.end()
	}
}
