package engine_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
)

func owned(owner string) map[string]engine.DeclaredAccount {
	return map[string]engine.DeclaredAccount{
		"bot":  {Kind: engine.ServiceAccount, Owner: owner, Purpose: "nightly copies", Place: "rolecall.yaml:31:7", Review: time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)},
		"adm":  {Kind: engine.AdminAccount},
		"info": {Kind: engine.SharedAccount, Owner: "ZOE"},
	}
}

const handOver = `the service account "bot" of wiki (nightly copies) belongs to ann, who has left; name another owner in rolecall.yaml:31:7`

// handOversOf are the tasks about owners.
func (w *world) handOversOf() (out []string) {
	for _, one := range w.memory().Tasks() {
		if strings.Contains(one.Text, "name another owner") {
			out = append(out, one.Text)
		}
	}
	return out
}

func TestWhoLeavesHandsOverWhatTheyOwn(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki"}})
	w.hire("ann", "a")
	w.hire("ben", "a")
	w.program("wiki").Accounts = owned("ann")
	w.apply()
	if got := w.handOversOf(); len(got) > 0 {
		t.Errorf("while the owner is there: %q", got)
	}
	w.fire("ann")
	p := w.later()
	if got := w.handOversOf(); len(got) != 1 || !strings.HasPrefix(got[0], handOver) {
		t.Errorf("after the owner left: %q", got)
	}
	if !slices.ContainsFunc(p.Notices, func(n engine.Notice) bool {
		return n.Code == engine.NoticeHandOver && strings.HasPrefix(n.Text, handOver)
	}) {
		t.Errorf("nobody is told: %v", p.Notices)
	}
	moved := owned("ann")
	bot := moved["bot"]
	bot.Place = "rolecall.yaml:40:7"
	moved["bot"] = bot
	w.program("wiki").Accounts = moved
	w.later()
	if got := w.handOversOf(); len(got) != 1 || !strings.Contains(got[0], "rolecall.yaml:40:7") {
		t.Errorf("after the line moved: %q", got)
	}
	w.program("wiki").Accounts = owned("K-BEN")
	w.later()
	if got := w.handOversOf(); len(got) > 0 {
		t.Errorf("after somebody else was named: %q", got)
	}
	w.program("wiki").Accounts = owned("it@example.com")
	w.later()
	if got := w.handOversOf(); len(got) != 1 || !strings.Contains(got[0], "belongs to it@example.com, who is nobody whom the directory knows") {
		t.Errorf("of somebody unknown: %q", got)
	}
}

// A read that is not complete shows nobody gone, and nobody back.
func TestAnOwnerWhoCanNotBeSeenIsNotGone(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki"}})
	w.hire("ann", "a")
	w.hire("ben", "a")
	w.program("wiki").Accounts = owned("k-ann")
	w.apply()
	w.vanish("ann")
	w.proof = engine.Proof{}
	w.proof.Add(engine.ReasonPartial, "half of it")
	w.later()
	w.program("wiki").Accounts = owned("ann") // by a name of which nobody is left
	w.later()
	if got := w.handOversOf(); len(got) > 0 {
		t.Errorf("after an incomplete read: %q", got)
	}
	w.program("wiki").Accounts = owned("k-ann")
	w.proof = engine.Proof{}
	w.later()
	if got := w.handOversOf(); len(got) > 0 { // one complete read is no proof
		t.Errorf("after one complete read: %q", got)
	}
	w.later()
	w.later()
	if got := w.handOversOf(); len(got) != 1 || !strings.Contains(got[0], "has left") {
		t.Errorf("after complete reads: %q", got)
	}
	w.proof.Add(engine.ReasonPartial, "half of it")
	w.later()
	if got := w.handOversOf(); len(got) != 1 {
		t.Errorf("an incomplete read ended it: %q", got)
	}
}

// Who was out and can't be seen now has not come back; the task keeps its age, and what was said of it.
func TestAHandOverStaysWhileTheOwnerCanNotBeSeen(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki"}})
	w.hire("ann", "a")
	w.program("wiki").Accounts = owned("ann")
	w.apply()
	w.fire("ann")
	w.later()
	tasks := w.memory().Tasks()
	if len(tasks) != 1 {
		t.Fatal(tasks)
	}
	if err := w.engine.TaskDone(t.Context(), "op", tasks[0].ID, "asked ben"); err != nil {
		t.Fatal(err)
	}
	p := w.person("ann")
	p.State, p.Marked, p.StateWhy = engine.StateUnknown, false, "no status"
	moved := owned("ann")
	w.later()
	bot := moved["bot"]
	bot.Place = "rolecall.yaml:40:7"
	moved["bot"] = bot
	w.program("wiki").Accounts = moved
	w.fire("ann")
	w.later()
	if now := w.memory().Tasks(); len(now) != 1 || !now[0].Since.Equal(tasks[0].Since) || now[0].Done != "op: asked ben" || !strings.Contains(now[0].Text, ":40:7") {
		t.Errorf("%v, then %v", tasks, now)
	}
}
