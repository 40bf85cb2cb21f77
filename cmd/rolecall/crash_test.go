package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// scene is a company at a moment, and the points at which `rolecall apply` dies there.
type scene struct {
	name  string
	start *doomed
	env   []string // of every process of the scene
	only  string   // points to try, by prefix, parted by spaces; "" are all that are reached
	after func(d *doomed)
}

// death is one failpoint of one scene.
type death struct {
	scene  *scene
	point  string
	n      int
	action string
}

func (d death) String() string { return fmt.Sprintf("%s %d %s", d.point, d.n, d.action) }

// TestCrash kills the program, its server and its disk at every step, on SQLite and PostgreSQL, and wants what is left to go on
// as if nothing had been: nothing lost, nothing twice, the same state in the end, and a journal that verifies. In `make soak`
// it does so thousands of times.
func TestCrash(t *testing.T) {
	if testing.Short() {
		t.Skip("kill tests run without the race detector")
	}
	t.Parallel()
	binary := builtProgram(t, "failpoint")
	for name, test := range map[string]func(*testing.T, *crashLab){
		"killed at each point":                testKilledAtEachPoint,
		"killed while it deletes":             testKilledWhileItDeletes,
		"killed at random":                    testKilledAtRandom,
		"killed while it looks for a commit":  testKilledWhileItLooksForACommit,
		"killed daemons":                      testKilledDaemons,
		"PostgreSQL crashes at each point":    testServerCrashes,
		"PostgreSQL full at each commit":      testFullPostgres,
		"PostgreSQL becomes a standby":        testStandby,
		"SQLite full at each commit":          testFullSQLite,
		"SQLite locked":                       testLockedSQLite,
		"SQLite read-only":                    testReadOnlySQLite,
		"SQLite damaged at each page":         testDamagedSQLite,
		"SQLite read-only in the middle":      testReadOnlyInTheMiddle,
		"SQLite damaged in the middle":        testDamageInTheMiddle,
		"SQLite loses its log in the middle":  testLogLostInTheMiddle,
		"SQLite without its log":              testLostLog,
		"SQLite without its log, at first":    testLostFirstLog,
		"a daemon stands still in each place": testSplitBrain,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, newCrashLab(t, binary))
		})
	}
}

// testKilledAtEachPoint kills `rolecall apply` at every failpoint of each store.
func testKilledAtEachPoint(t *testing.T, lab *crashLab) {
	for _, store := range []string{"sqlite", "postgres"} {
		began, kills, tried := time.Now(), 0, map[string]bool{}
		for _, s := range scenes(lab, store == "sqlite") {
			kills += s.play(t, tried)
		}
		for _, wrong := range missed(pointsInSource(t), tried, store, os.Getenv("ROLECALL_CRASH")) {
			t.Error(wrong)
		}
		t.Logf("%s: %v, points: %s", store, time.Since(began).Round(time.Second), strings.Join(slices.Sorted(maps.Keys(tried)), " "))
		survived(t, "kill -9 at a point, "+storeName(store), kills)
	}
}

// storeName is how people call a store.
func storeName(store string) string {
	return map[string]string{"sqlite": "SQLite", "postgres": "PostgreSQL"}[store]
}

// day is a company with a past, on a day on which somebody comes, somebody moves, somebody leaves, and an account is due for
// deletion.
func (l *crashLab) day(sqlite bool) *doomed {
	d := l.company(sqlite)
	d.people("ann,Engineer,", "bob,Clerk,", "dan,Engineer,", "eve,Clerk,", "gus,Engineer,")
	for _, pass := range []time.Duration{time.Hour, 31 * 24 * time.Hour, time.Hour} { // gus leaves, is due for deletion, and is seen to be
		if said, code := d.rolecall(nil, "apply"); code != exitDone {
			l.t.Fatalf("exit code %d: %s", code, said)
		}
		d.at = d.at.Add(pass)
		d.people("ann,Engineer,", "bob,Clerk,", "dan,Engineer,", "eve,Clerk,", "gus,Engineer,left")
	}
	d.people("ann,Engineer,", "bob,Engineer,", "dan,Clerk,", "eve,Clerk,left", "fay,Engineer,", "gus,Engineer,left")
	return d
}

// crowd is a new company of so many people.
func (l *crashLab) crowd(sqlite bool, n int) *doomed {
	d := l.company(sqlite)
	var lines []string
	for i := range n {
		lines = append(lines, fmt.Sprintf("p%04d,Clerk,", i))
	}
	d.people(lines...)
	return d
}

func scenes(l *crashLab, sqlite bool) []*scene {
	day := l.day(sqlite)
	list := []*scene{{name: "a day", start: day}, {name: "the first day", start: l.crowd(sqlite, 4), only: "migration. begun. transaction. save."},
		upgrade(l, day), {name: "many people", start: l.crowd(sqlite, 40), only: "copy. commit.torn"}}
	if sqlite { // a plan in several parts
		big := l.crowd(sqlite, 2600)
		replace(l.t, filepath.Join(big.dir, "policies", "all.yaml"), "grant: [wiki, crm]", "grant: [wiki]")
		list = append(list, &scene{name: "a plan in parts", start: big, only: "commit.torn"})
	}
	return list
}

// sane plays the scene without a crash, and gives the state in the end and the points that were reached.
func (s *scene) sane(t *testing.T) (want string, reached []string) {
	t.Helper()
	s.start.env = s.env
	d := s.start.copy()
	defer d.end()
	log := filepath.Join(d.dir, "points")
	said, code := d.rolecall([]string{"ROLECALL_FAILPOINT_LOG=" + log}, "apply")
	if code != exitDone {
		t.Fatalf("%s: without a crash: exit code %d: %s", s.name, code, said)
	}
	points, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	d.settle()
	want = d.state()
	for _, p := range d.problems {
		t.Fatalf("%s: without a crash: %s", s.name, p)
	}
	return want, strings.Fields(string(points))
}

// play tries the scene's points and gives the number of kills.
func (s *scene) play(t *testing.T, tried map[string]bool) (kills int) {
	t.Helper()
	want, reached := s.sane(t)
	most := 3
	if soaking() {
		most = len(reached)
	}
	var mu sync.Mutex
	each(s.deaths(reached, most), func(one death) {
		killed, problems := one.die(want)
		mu.Lock()
		defer mu.Unlock()
		if killed {
			kills++
			tried[one.point] = true
		}
		for _, p := range problems {
			t.Errorf("%s, %v: %s", s.name, one, p)
		}
	})
	return kills
}

// each does something for all, four at a time.
func each[T any](all []T, do func(T)) {
	var wg sync.WaitGroup
	free := make(chan struct{}, 4)
	for _, one := range all {
		free <- struct{}{}
		wg.Go(func() {
			defer func() { <-free }()
			do(one)
		})
	}
	wg.Wait()
}

// deaths are the points to try, each at the first time that it is reached and, spread over the rest, some most times in all.
func (s *scene) deaths(reached []string, most int) (out []death) {
	times := map[string]int{}
	for _, p := range reached {
		times[p]++
	}
	for _, p := range slices.Sorted(maps.Keys(times)) {
		if !begins(p, s.only) || !begins(p, os.Getenv("ROLECALL_CRASH")) { // such as "call. claim.", for whoever looks for a mistake
			continue
		}
		for n := 1; n <= times[p]; n += max(1, times[p]/most) {
			out = append(out, death{s, p, n, "kill"})
		}
		if p == "migration.torn" || p == "backup.before" {
			for _, after := range []string{"1ms", "5ms", "20ms", "60ms", "150ms"} { // in the middle of the statements
				out = append(out, death{s, p, 1, after})
			}
		}
	}
	return out
}

// begins says whether a point begins with one of the words; without any, all do.
func begins(point, words string) bool {
	return words == "" || slices.ContainsFunc(strings.Fields(words), func(w string) bool { return strings.HasPrefix(point, w) })
}

// die kills the program there, lets it go on, and compares. A point that is reached a second time only by chance may not be
// reached.
func (d death) die(want string) (killed bool, problems []string) {
	c := d.scene.start.copy()
	defer c.end()
	said, code := c.rolecall([]string{"ROLECALL_FAILPOINT=" + d.String()}, "apply")
	if killed = code == -1; !killed && (d.action == "kill" && d.n == 1 || code != exitDone) {
		c.wrong("it did not die: exit code %d: %s", code, said)
	}
	before := c.recordedFirst()
	c.settle()
	if after := c.recordedFirst(); len(after) < len(before) || !slices.Equal(after[:len(before)], before) {
		c.wrong("of %d records that were there, some are lost", len(before))
	}
	if have := c.state(); have != want {
		c.wrong("the state afterwards differs:\n%s", difference(want, have))
	}
	if d.scene.after != nil {
		d.scene.after(c)
	}
	return killed, c.problems
}

// difference lists the lines that only one of two texts has.
func difference(want, have string) string {
	a, b := strings.Split(want, "\n"), strings.Split(have, "\n")
	var out []string
	for _, l := range a {
		if !slices.Contains(b, l) {
			out = append(out, "missing: "+l)
		}
	}
	for _, l := range b {
		if !slices.Contains(a, l) {
			out = append(out, "too much: "+l)
		}
	}
	return strings.Join(out, "\n")
}
