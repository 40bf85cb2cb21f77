package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/enginetest/servers"
)

// TestSignals sends the program as it is shipped what an init system, an operator in a hurry and an orchestrator send.
func TestSignals(t *testing.T) {
	if testing.Short() {
		t.Skip("kill tests run without the race detector")
	}
	binary, server := builtProgram(t), servers.Postgres(t)
	for name, test := range map[string]struct {
		stores string
		run    func(*testing.T, *fleet)
	}{
		"stopped in the middle of a run":     {"sqlite postgres", testStoppedInARun},
		"stopped in the middle of work":      {"sqlite postgres", testStoppedInWork},
		"a second signal":                    {"sqlite postgres", testSecondSignal},
		"a storm of reloads":                 {"postgres", testReloadStorm},
		"a volume is swapped":                {"sqlite", testSwappedVolume},
		"a configuration broken, and mended": {"sqlite", testBrokenAndMended},
	} {
		for _, store := range strings.Fields(test.stores) {
			t.Run(name+" on "+store, func(t *testing.T) {
				test.run(t, newFleet(t, binary, server, store, "* * * * *", "09:00:20", 20))
			})
		}
	}
}

// ended waits for the machine, and gives how it ended.
func (m *machine) ended(within time.Duration) string {
	m.t.Helper()
	select {
	case <-m.done:
		return m.cmd.ProcessState.String()
	case <-time.After(within):
		m.t.Fatal("it does not end")
		return ""
	}
}

func (f *fleet) says(m *machine, text string) {
	f.t.Helper()
	f.eventually("it says "+text, func() bool { return strings.Contains(m.said(), text) })
}

// testStoppedInARun: the run under way is made to its end, and nothing of it is done twice later.
func testStoppedInARun(t *testing.T, f *fleet) {
	open := f.holdUp()
	a := f.start("a", "serve")
	f.eventually("it is in the middle of a run", func() bool { return f.heldUp() == "a" })
	a.signal(syscall.SIGTERM)
	f.says(a, `"msg":"stopping`)
	open()
	if how := a.ended(20 * time.Second); how != "exit status 0" {
		t.Error(how)
	}
	if n := len(f.slots()); n != 1 {
		t.Errorf("%d slots were run", n)
	}
	if made := f.crm(); made != "" {
		t.Errorf("calls started after the signal: %s", made)
	}
	f.start("b", "serve")
	f.settled()
}

// testStoppedInWork: the call under way is settled and recorded, and no other one starts.
func testStoppedInWork(t *testing.T, f *fleet) {
	tx, err := f.target.Begin()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec("LOCK TABLE account IN SHARE MODE"); err != nil { // may be read, not written
		t.Fatal(err)
	}
	a := f.start("a", "serve")
	f.eventually("it is in the middle of a call", func() bool { return f.heldUp() == "a" })
	a.signal(syscall.SIGTERM)
	f.says(a, `"msg":"stopping`)
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	if how := a.ended(20 * time.Second); how != "exit status 0" {
		t.Error(how)
	}
	if n := f.asks("SELECT count(*) FROM account"); n != "1" {
		t.Errorf("%s accounts were made", n)
	}
	if n := len(f.records(engine.Query{Kind: engine.KindOutcome, Program: "crm", Op: engine.OpCreate, Outcome: engine.Done})); n != 1 {
		t.Errorf("%d accounts are recorded", n)
	}
	f.start("b", "serve")
	f.settled()
}

// testSecondSignal: whoever asks twice does not want to wait. What was under way is found out later.
func testSecondSignal(t *testing.T, f *fleet) {
	open := f.holdUp()
	a := f.start("a", "serve")
	f.eventually("it is in the middle of a run", func() bool { return f.heldUp() == "a" })
	a.signal(syscall.SIGTERM)
	f.says(a, `"msg":"stopping`)
	a.signal(syscall.SIGTERM)
	if how := a.ended(5 * time.Second); how != "signal: terminated" {
		t.Error(how)
	}
	open()
	f.start("b", "serve")
	f.settled()
	f.rolecall(0, "audit", "verify")
}

// testReloadStorm: hundreds of reloads in the middle of runs and work change nothing and leave no connections behind.
func testReloadStorm(t *testing.T, f *fleet) {
	a := f.start("a", "serve")
	for range 300 {
		a.signal(syscall.SIGHUP)
		time.Sleep(5 * time.Millisecond) // signals that come at once are one
	}
	f.settled()
	before := len(f.slots())
	f.eventually("two more slots are run", func() bool { return len(f.slots()) >= before+2 })
	f.everySlot(f.slots())
	if n := strings.Count(a.said(), `"msg":"reloaded"`); n < 10 {
		t.Errorf("%d reloads", n)
	}
	f.eventually("the connections of former configurations are closed", func() bool {
		return f.asks("SELECT count(*) <= 10 FROM pg_stat_activity WHERE usename = 'a' AND datname = current_database()") == "true"
	})
	a.stop()
}

// mount lays the configuration out as an orchestrator mounts volumes: a link to the folder of the version in force, which is
// swapped in one step.
func (f *fleet) mount(version string, edit func(dir string)) {
	f.t.Helper()
	dir := filepath.Join(f.dir, version)
	if err := os.MkdirAll(filepath.Join(dir, "policies"), 0o700); err != nil {
		f.t.Fatal(err)
	}
	for _, name := range []string{"rolecall.yaml", "policies/all.yaml"} {
		data, err := os.ReadFile(filepath.Join(f.dir, name))
		if err != nil {
			f.t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			f.t.Fatal(err)
		}
	}
	edit(dir)
	for _, step := range []error{os.Symlink(version, filepath.Join(f.dir, "fresh")), os.Rename(filepath.Join(f.dir, "fresh"), filepath.Join(f.dir, "..data"))} {
		if step != nil {
			f.t.Fatal(step)
		}
	}
}

func testSwappedVolume(t *testing.T, f *fleet) {
	f.mount("v1", func(string) {})
	for _, name := range []string{"rolecall.yaml", "policies"} {
		if err := os.RemoveAll(filepath.Join(f.dir, name)); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(filepath.Join("..data", name), filepath.Join(f.dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	a := f.start("a", "serve")
	f.settled()
	f.mount("v2", func(dir string) {
		replace(t, filepath.Join(dir, "policies", "all.yaml"), "title:engineer", "title:clerk")
		replace(t, filepath.Join(dir, "rolecall.yaml"), "floor: 30,", "floor: 31,")
	})
	f.says(a, `"msg":"reloaded"`)
	f.eventually("the new policy counts", func() bool { return f.crm() == "alice+ bob+build carol+build dave+" })
	a.stop()
}

func testBrokenAndMended(t *testing.T, f *fleet) {
	a := f.start("a", "serve")
	f.settled()
	whole, err := os.ReadFile(filepath.Join(f.dir, "rolecall.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for n, broken := range []string{"version: 1\n", "\x00\xff", string(whole[:len(whole)/2]), string(whole) + "nonsense: yes\n", ""} {
		f.write("rolecall.yaml", broken)
		f.eventually(fmt.Sprintf("it complains of %.20q", broken), func() bool {
			return strings.Count(a.said(), "the last good one stays in force") > n
		})
	}
	before := len(f.slots())
	f.people("alice,Engineer", "bob,Engineer", "carol,Clerk", "dave,Engineer")
	f.eventually("the last good one is applied", func() bool { return f.crm() == strings.Replace(served, "bob+", "bob+build", 1) })
	if err := os.Remove(filepath.Join(f.dir, "rolecall.yaml")); err != nil {
		t.Fatal(err)
	}
	f.eventually("it complains that there is none", func() bool { return strings.Count(a.said(), "the last good one stays in force") > 5 })
	f.write("rolecall.yaml", string(whole))
	f.write("policies/all.yaml", strings.Replace(fleetPolicy, "title:engineer", "title:clerk", 1))
	f.eventually("what is mended counts", func() bool { return f.crm() == "alice+ bob+ carol+build dave+" })
	a.stop()
	if slots := f.slots(); len(slots) <= before || !slices.IsSorted(slots) {
		t.Errorf("slots that were run: %v", slots)
	}
}
