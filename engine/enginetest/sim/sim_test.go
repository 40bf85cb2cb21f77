package sim

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"hash/fnv"
	"maps"
	"math"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

var (
	seedsFlag = flag.Int("seeds", 60, "histories to play")
	firstFlag = flag.Uint64("first", 1, "the seed of the first one")
	stepsFlag = flag.Int("steps", 300, "what happens in each")
	twiceFlag = flag.Int("twice", 10, "how many of them are played twice and compared byte for byte")
	tellFlag  = flag.Bool("tell", false, "print the story of every history")
	soakFlag  = flag.String("soak", "", "file that keeps the next seed: play on from there until stopped, or for -for")
	batchFlag = flag.Int("batch", 2000, "histories to soak before the next seed is kept")
	forFlag   = flag.Duration("for", 0, "how long to soak, 0: until stopped")
	writeFlag = flag.String("write", "", "write what was tried into this file, for docs/safety.md")
	stopFlag  = flag.Bool("stop", false, "stop at the first history that goes wrong, and print no story")
	hashFlag  = flag.Bool("hashes", false, "print a hash of each history: its story, records, faults and checks. Whoever makes this faster compares them")
)

// TestSim plays random histories and checks every promise after each step. One integer makes the whole history:
//
//	go test ./engine/enginetest/sim -run TestSim -first 4711 -seeds 1 -tell -watch app/x/id7-p06
func TestSim(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1))                                           // histories are small and short
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(int64(runtime.GOMAXPROCS(0)) * 125 << 20)) // more costs more: in pages that nothing has in a cache
	defer withoutMemoryProfile()()
	if *soakFlag != "" {
		soak(t)
		return
	}
	seeds := *seedsFlag
	if testing.Short() {
		seeds = min(seeds, 12)
	}
	playMany(t, *firstFlag, seeds)
}

// withoutMemoryProfile ends the sampling of allocations that every test does, unless somebody asks for the profile.
func withoutMemoryProfile() (again func()) {
	rate := runtime.MemProfileRate
	if f := flag.Lookup("test.memprofile"); f != nil && f.Value.String() == "" {
		runtime.MemProfileRate = 0
	}
	return func() { runtime.MemProfileRate = rate }
}

// soak goes on from the seed that a file keeps, at least for one batch.
func soak(t *testing.T) {
	for began := time.Now(); ; {
		first := uint64(1)
		if text, err := os.ReadFile(*soakFlag); err == nil {
			if first, err = strconv.ParseUint(strings.TrimSpace(string(text)), 10, 64); err != nil {
				t.Fatalf("%s holds no seed: %v", *soakFlag, err)
			}
		}
		playMany(t, first, *batchFlag)
		if err := os.WriteFile(*soakFlag, []byte(fmt.Sprintln(first+uint64(*batchFlag))), 0o600); err != nil {
			t.Fatal(err)
		}
		if *forFlag > 0 && time.Since(began) >= *forFlag {
			return
		}
	}
}

// playMany plays seeds on all cores, each history on one.
func playMany(t *testing.T, first uint64, seeds int) {
	var next atomic.Uint64
	var stop atomic.Bool
	var mu sync.Mutex
	var wg sync.WaitGroup
	total, bad, began := newFigures(), []uint64{}, time.Now()
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			mine := newFigures()
			for n := next.Add(1) - 1; n < uint64(seeds) && !stop.Load(); n = next.Add(1) - 1 {
				failed := playOne(first+n, n < uint64(*twiceFlag), mine)
				if failed == "" {
					continue
				}
				stop.Store(*stopFlag)
				mu.Lock()
				bad = append(bad, first+n)
				t.Errorf("seed %d: %s", first+n, failed)
				mu.Unlock()
			}
			mu.Lock()
			total.add(mine)
			mu.Unlock()
		})
	}
	wg.Wait()
	t.Log(total.show(time.Since(began)))
	if seeds >= 300 && !stop.Load() {
		total.complete(t)
	}
	slices.Sort(bad)
	t.Logf("%d histories went wrong: %v", len(bad), bad)
	if *writeFlag != "" && len(bad) == 0 {
		total.write(t, time.Since(began))
	}
	if len(bad) > 0 && !*stopFlag {
		t.Log(shrunk(bad[0]))
	}
	if *hashFlag {
		t.Log(hashes(first, seeds))
	}
	if *tellFlag {
		for seed := first; seed < first+uint64(seeds); seed++ {
			t.Logf("the story of seed %d:\n%s", seed, strings.Join(play(seed, *stepsFlag, nil, true, newFigures()).story, "\n"))
		}
	}
}

// playOne plays a seed, or plays it twice and compares, once with its story and once without.
func playOne(seed uint64, twice bool, count *figures) (failed string) {
	m := play(seed, *stepsFlag, nil, false, count)
	count.seeds++
	if !twice {
		return m.failed
	}
	one, two := play(seed, *stepsFlag, nil, true, newFigures()), play(seed, *stepsFlag, nil, true, newFigures())
	if a, b := strings.Join(one.story, "\n"), strings.Join(two.story, "\n"); a != b || m.trace != one.trace || one.trace != two.trace {
		return "two plays of one seed differ"
	}
	count.twice++
	return m.failed
}

// hashes are of all that can be told of each history, one a line.
func hashes(first uint64, seeds int) string {
	var b strings.Builder
	for seed := first; seed < first+uint64(seeds); seed++ {
		h, count := fnv.New64a(), newFigures()
		m := play(seed, *stepsFlag, nil, true, count)
		fmt.Fprintln(h, m.failed, m.trace, *count, strings.Join(m.story, "\n"))
		fmt.Fprintf(&b, "seed %d: %016x\n", seed, h.Sum64())
	}
	return b.String()
}

// play plays one history, without the steps to leave out.
func play(seed uint64, steps int, without map[int]bool, telling bool, count *figures) (m *model) {
	m = newModel(seed, telling, count)
	defer func() {
		if p := recover(); p != nil {
			m.fail(I12, "the engine panics: %v\n%s", p, debug.Stack())
		}
	}()
	all, total := events(), 0
	for _, e := range all {
		total += e.weight
	}
	for n := 1; n <= steps && m.failed == ""; n++ {
		if !without[n] {
			m.step(n, all, total)
			m.check.step()
			m.watch()
		}
	}
	if m.failed == "" {
		m.settle()
	}
	return m
}

func (m *model) context() context.Context { return context.Background() }

// figures is what was tried, and how often.
type figures struct {
	seeds, steps, twice int
	checks              [len(promises)]int
	faults              map[string]int
}

func newFigures() *figures { return &figures{faults: map[string]int{}} }

func (f *figures) fault(kind string) { f.faults[kind]++ }

func (f *figures) add(o *figures) {
	f.seeds, f.steps, f.twice = f.seeds+o.seeds, f.steps+o.steps, f.twice+o.twice
	for i, n := range o.checks {
		f.checks[i] += n
	}
	for k, n := range o.faults {
		f.faults[k] += n
	}
}

// tried is what docs/safety.md tells of a run.
type tried struct {
	Histories, Steps, Twice int
	PerSecond               float64
	Checks                  map[string]int // by promise
	Faults                  map[string]int // by kind
}

func promiseName(i invariant) string { return fmt.Sprintf("I%02d %s", i, promises[i]) }

// write keeps what was tried.
func (f *figures) write(t *testing.T, took time.Duration) {
	kept := tried{f.seeds, f.steps, f.twice, math.Round(float64(f.seeds) / took.Seconds()), map[string]int{}, f.faults}
	for i := I1; i <= I15; i++ {
		kept.Checks[promiseName(i)] = f.checks[i]
	}
	keep(t, kept)
}

func keep(t *testing.T, what any) {
	text, err := json.MarshalIndent(what, "", "\t")
	if err == nil {
		err = os.WriteFile(*writeFlag, append(text, '\n'), 0o600)
	}
	if err != nil {
		t.Error(err)
	}
}

func (f *figures) show(took time.Duration) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d histories, %d steps, %.1f histories/s, %d played twice and equal\n", f.seeds, f.steps, float64(f.seeds)/took.Seconds(), f.twice)
	fmt.Fprintf(&b, "  %d checks\n", f.checked())
	for i := I1; i <= I15; i++ {
		fmt.Fprintf(&b, "  I%-3d %-28s %12d checks\n", i, promises[i], f.checks[i])
	}
	for _, kind := range slices.Sorted(maps.Keys(f.faults)) {
		fmt.Fprintf(&b, "  %-44s %9d times\n", kind, f.faults[kind])
	}
	return b.String()
}
