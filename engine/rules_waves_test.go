package engine_test

import (
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// twice is a company of three programs, with an announced wave of two people in each of two.
func twice(t *testing.T) *world {
	w := newWorld(t, "app", "git", "wiki")
	w.policy.rules = map[string][]string{"a": {"wiki", "git", "app"}, "b": {"wiki/y"}, "c": {"git/y"}, "d": {"app/y"}}
	for _, login := range []string{"p0", "p1", "p2", "p3", "p4", "p5", "yan", "zoe"} {
		w.hire(login, "a", "b", "c", "d")
	}
	w.apply()
	w.pass(100 * time.Hour)
	w.apply()
	w.engine.Settings.Limits.RevokePeople = tight(1)
	w.engine.Settings.Expected = []engine.Expected{*w.announce("program", "wiki", 2), *w.announce("program", "git", 2)}
	return w
}

// Whoever two announced waves cover is allowed once: that makes no room for somebody whom none covers.
func TestOverlappingWavesAllowEachOnce(t *testing.T) {
	for _, apart := range []bool{false, true} {
		w := twice(t)
		w.roles("p0", "a", "d")
		w.roles("p1", "a", "d")
		w.revokes(map[engine.ChangeState]int{engine.Ready: 4})
		if apart {
			w.pass(time.Hour)
			w.applied("p1", "revoke git/y ready", "revoke wiki/y ready")
			w.pass(time.Hour)
		}
		w.roles("p2", "a", "b", "c")
		w.wants("p2", "revoke app/y ready") // one as ever
		w.roles("p3", "a", "b", "d")
		w.wants("p2", "revoke app/y needs-approval: limit revoke: people of source corp: 4 within 24h, 3 allowed (floor 1, 0 % of 8, cap 0, 2 announced)")
	}
}

func TestWavesOfDifferentPeopleAddUp(t *testing.T) {
	w := twice(t)
	w.engine.Settings.Limits.RevokePeople = tight(0)
	w.roles("p0", "a", "c", "d")
	w.roles("p1", "a", "c", "d")
	w.roles("p2", "a", "b", "d")
	w.roles("p3", "a", "b", "d")
	w.revokes(map[engine.ChangeState]int{engine.Ready: 4})
}

// Whoever two waves cover uses up both.
func TestWhoIsInTwoWavesUsesUpBoth(t *testing.T) {
	w := twice(t)
	w.engine.Settings.Limits.RevokePeople = tight(0)
	w.engine.Settings.Expected = []engine.Expected{*w.announce("program", "wiki", 2), *w.announce("all", "", 2)}
	w.roles("p0", "a", "c", "d")
	w.roles("p1", "a", "c", "d")
	w.pass(time.Hour)
	w.applied("p1", "revoke wiki/y ready")
	w.pass(time.Hour)
	w.roles("p2", "a", "b", "d")
	w.wants("p2", "revoke git/y needs-approval: limit revoke: people of program git: 1 within 24h, 0 allowed (floor 0, 0 % of 8, cap 0)")
}

// Somebody who was touched where nothing was announced is not excused by what was announced elsewhere, before or after.
func TestWaveExcusesNothingElse(t *testing.T) {
	for _, keeps := range []string{"b", "c"} {
		w := twice(t)
		w.engine.Settings.Expected = w.engine.Settings.Expected[:1] // of wiki
		w.roles("p0", "a", keeps, "d")
		w.pass(time.Hour)
		w.apply()
		w.roles("p0", "a", "d") // the other one, too
		w.pass(time.Hour)
		w.apply()
		w.roles("p1", "a", "b", "c")
		w.wants("p1", "revoke app/y needs-approval: limit revoke: people of source corp: 2 within 24h, 1 allowed")
	}
}

// What no wave covered counts for no longer than the window, also while a wave lasts that began before.
func TestWindowHoldsBesideWaves(t *testing.T) {
	w := twice(t)
	w.roles("p0", "a", "b", "c") // in app, which is in no wave
	w.pass(time.Hour)
	w.apply()
	w.pass(30 * time.Hour)
	for _, login := range []string{"p1", "p2", "p3"} {
		w.roles(login, "a", "c", "d")
	}
	w.revokes(map[engine.ChangeState]int{engine.Ready: 3}) // two as announced, one as ever
}
