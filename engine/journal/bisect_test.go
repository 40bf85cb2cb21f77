package journal

import (
	"math"
	"slices"
	"testing"
)

// Where a time falls is found by halving: between, before and after all, among equal times, and where records are missing.
func TestFirstFrom(t *testing.T) {
	forEachStore(t, func(t *testing.T, address string) {
		s := openStore(t, address, nil)
		expect := func(times map[int64]int64, at ...int64) {
			t.Helper()
			for _, one := range at {
				want := int64(9)
				for seq, time := range times {
					if time >= one {
						want = min(want, seq)
					}
				}
				got, err := firstFrom(t.Context(), s.read, s.read.Rebind, one)
				if _, there := times[got]; !there { // one that is missing stands for the next that is there
					for got < 9 && !there {
						got++
						_, there = times[got]
					}
				}
				if err != nil || got != want {
					t.Errorf("from %d on: %d, %v, want %d", one, got, err, want)
				}
			}
		}
		ends := []int64{math.MinInt64, 0, math.MaxInt64}
		if got, err := firstFrom(t.Context(), s.read, s.read.Rebind, 5); err != nil || got != 1 {
			t.Errorf("of an empty journal: %d, %v", got, err)
		}
		times := map[int64]int64{}
		for i, time := range []int64{10, 10, 20, 30, 30, 30, 30, 40} {
			s.write.MustExec(s.write.Rebind(`INSERT INTO journal VALUES (?, ?, 'run', '', 0, '', 0, '', '', '', 0, '', '', '', 0, '{}', '', '', NULL, '')`), i+1, time)
			times[int64(i)+1] = time
		}
		s.write.MustExec("UPDATE head SET size = 8")
		expect(times, slices.Concat(ends, []int64{9, 10, 11, 20, 29, 30, 31, 40, 41})...)
		s.write.MustExec("DELETE FROM journal WHERE seq IN (1, 2, 5)")
		for _, gone := range []int64{1, 2, 5} {
			delete(times, gone)
		}
		expect(times, slices.Concat(ends, []int64{19, 20, 21, 30, 31, 40, 41})...)
	})
}

// The blocks of a run in a journal from before are known from the change of the schema on.
func TestRunsFromBeforeAreFound(t *testing.T) {
	forEachStore(t, func(t *testing.T, address string) {
		before, err := Open(t.Context(), address, Options{Migrate: true, schema: schemaOf(t, 4)})
		if err != nil {
			t.Fatal(err)
		}
		defer before.Close()
		for seq, run := range map[int64]string{1: "r1", 1024: "r1", 1025: "", 3000: "r1"} {
			before.write.MustExec(before.write.Rebind(`INSERT INTO journal VALUES (?, 1, 'run', ?, 0, '', 0, '', '', '', 0, '', '', '', 0, '{"seq":' || ? || ',"time":1,"kind":"run"}', '', '{}', NULL, '')`), seq, run, seq)
		}
		var blocks []int64
		if err := openStore(t, address, nil).read.Select(&blocks, "SELECT block FROM mention WHERE what = 'run' AND name = 'r1' ORDER BY block"); err != nil || !slices.Equal(blocks, []int64{0, 2}) {
			t.Errorf("%d, %v", blocks, err)
		}
	})
}
