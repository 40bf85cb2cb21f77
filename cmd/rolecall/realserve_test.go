package main

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
)

const everything, builds, sells = "vpn db+app_read crm+Sales", "vpn db+app_read", "vpn crm+Sales"

// TestServeOnRealServers is the daemon with a directory that goes away under it: nobody loses anything by that, it says so,
// and goes on once the directory is back.
func TestServeOnRealServers(t *testing.T) {
	if testing.Short() {
		t.Skip("three servers; it runs without -short")
	}
	b := newBranch(t)
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent(), goleak.IgnoreAnyFunction("github.com/rolecall/rolecall/engine/enginetest/servers.spawn.func1"))
	var clock atomic.Int64 // only the test moves it
	clock.Store(b.now.UnixNano())
	d := startDaemonAs(t, process{Dir: b.dir, Env: func(name string) string { return b.env[name] }, Sweep: 20 * time.Millisecond,
		Now: func() time.Time { return time.Unix(0, clock.Add(int64(time.Millisecond))).UTC() }})
	next := func() { clock.Add(int64(15 * time.Minute)) }
	worked := func() {
		t.Helper()
		for range 3 {
			d.wait("worked")
		}
	}
	address := d.wait("health and metrics")["address"].(string)
	worked()
	for i, want := range []string{everything, everything, builds, sells, builds, sells, builds, "crm+Sales", "", ""} {
		b.expect(i, want)
	}

	b.joins(8)
	b.leaves(0)
	next()
	worked()
	b.expect(8, everything)
	b.expect(0, "(db) (crm)")

	before := b.all()
	b.ldap.Stop()
	for range 3 { // more than absences:, further apart than apart:
		next()
		if line := d.wait("not read completely"); line["source"] != "corp" {
			t.Errorf("not read completely: %v", line)
		}
		if line := d.wait("run ended"); line["changes"] != 0. {
			t.Errorf("the daemon changes something while it knows nobody: %v", line)
		}
	}
	if metrics := get(t, "http://"+address+"/metrics"); !strings.Contains(metrics, `rolecall_runs_total{result="partly"} 3`) {
		t.Errorf("the metrics do not tell: %s", metrics)
	}
	b.ldap.Start(t)
	if after := b.all(); after != before {
		t.Errorf("while the directory was down:\n%s\nbecame\n%s", before, after)
	}

	b.joins(9)
	b.leaves(1)
	next()
	worked()
	b.expect(9, everything)
	b.expect(1, "(db) (crm)")
	b.expect(2, builds)
	d.ended()
	b.types(exitDone, "audit", "verify")
}
