package engine_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/enginetest"
)

// kept are the notices about holdings that are kept, as "level: text".
func kept(p *engine.Plan) (out []string) {
	for _, n := range p.Notices {
		if n.Code == "kept" {
			out = append(out, n.Level+": "+n.Text)
		}
	}
	return out
}

// What is kept is told once for each reason, with its count: a warning where nobody may have meant it.
func TestWhatIsKeptIsTold(t *testing.T) {
	for name, c := range map[string]struct {
		make func(w *world)
		want string
	}{
		"grace":  {func(w *world) { w.policy.grace = 24 * time.Hour; w.later(); w.roles("ann"); w.roles("bob") }, "info: 2 holdings in wiki kept as they are: the account holds what is in grace"},
		"never":  {func(w *world) { w.program("wiki").Revoke = engine.RevokeNever; w.roles("ann") }, "warning: 2 holdings in wiki kept as they are: revoke: never"},
		"unread": {func(w *world) { w.proof.Add(engine.ReasonPartial, "half"); w.vanish("ann") }, "warning: 2 holdings in wiki kept as they are: unknown: the directory"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, "wiki")
			w.targets["wiki"].Describes = engine.Description{}
			w.policy.rules = map[string][]string{"a": {"wiki/x"}}
			for _, login := range []string{"ann", "bob", "yan", "zoe"} {
				w.hire(login, "a")
				w.targets["wiki"].AddAccount(login, engine.AccountInfo{Attributes: map[string]string{"key": "k-" + login}}, "")
			}
			w.program("wiki").Match = "key"
			w.apply()
			w.later()
			c.make(w)
			got := kept(w.mustPlan())
			if len(got) != 1 || !strings.HasPrefix(got[0], c.want) {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

// A second run that sees nothing new records nothing but itself.
func TestARunWithoutChangeIsOneRecord(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki/x"}})
	w.apply()
	if facts := w.memory().Facts(engine.FactFormer); len(facts) > 0 {
		t.Errorf("a run that sees everybody remembers its policy once, not with each grant: %v", facts)
	}
	w.later()
	before := w.memory().Seq
	w.later()
	var kinds []engine.Kind
	err := w.journal.Records(t.Context(), engine.Query{After: before}, func(r engine.Record) error { kinds = append(kinds, r.Kind); return nil })
	if err != nil || !slices.Equal(kinds, []engine.Kind{engine.KindRun}) {
		t.Errorf("%v: %v", kinds, err)
	}
	if facts := w.memory().Facts(engine.FactFormer); len(facts) > 0 {
		t.Errorf("former policies of what nothing happened to: %v", facts)
	}
}

// What a plan could not do is in the record of its run, with the reason: nothing else of it is there to be asked years later.
func TestARunRecordsWhatItHeldBack(t *testing.T) {
	w := crowd(t)
	w.roles("p0", "a")
	w.pass(time.Hour)
	w.once(enginetest.FailBefore)
	w.applied("p0", "revoke wiki/y ready")
	w.pass(30 * time.Second)
	w.applied("p0", "revoke wiki/y blocked: failed ")
	var last engine.Record
	err := w.journal.Records(t.Context(), engine.Query{Kind: engine.KindRun, Newest: true, Limit: 1}, func(r engine.Record) error { last = r; return nil })
	want := `"Held":[{"Op":"revoke","Program":"wiki","Entitlement":"y","Account":"p0","Person":"k-p0","State":"blocked","Reason":"failed 1 time, next try`
	if err != nil || !strings.Contains(string(last.Data), want) {
		t.Errorf("%v: %s", err, last.Data)
	}
}
