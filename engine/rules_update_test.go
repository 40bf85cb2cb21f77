package engine_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/enginetest"
)

// upToDate is a company whose wiki keeps mail and team up to date, and is given a title at the creation only.
func upToDate(t *testing.T) *world {
	w := company(t, map[string][]string{"a": {"wiki/x"}})
	p := w.program("wiki")
	p.Attributes = map[string]engine.Template{}
	for _, name := range []string{"mail", "team", "title"} {
		p.Attributes[name] = func(p *engine.Person) (string, string) {
			if v := p.Attributes.First(name); v != "" {
				return v, ""
			}
			return "", name
		}
	}
	p.Update = []string{"mail", "team"}
	w.targets["wiki"].Describes.Update = true
	w.targets["wiki"].ID = func(name string) string { return "id-" + name }
	p.Connector = renaming{w.targets["wiki"]}
	for _, login := range []string{"yan", "zoe"} {
		for _, name := range []string{"mail", "team", "title"} {
			w.says(login, name, "Old")
		}
	}
	w.apply()
	w.later()
	return w
}

// says changes an attribute of somebody's entry; "" takes it away.
func (w *world) says(login, name string, values ...string) {
	w.t.Helper()
	p := w.person(login)
	p.Attributes = slices.Clone(p.Attributes).With(engine.Attribute{Name: name, Values: values})
}

// shows is what the list of the wiki shows of an account.
func (w *world) shows(account string) engine.AccountInfo {
	w.t.Helper()
	for _, h := range w.targets["wiki"].Shown() {
		if h.Account == account && h.Info != nil {
			return *h.Info
		}
	}
	w.t.Fatalf("no account %s", account)
	return engine.AccountInfo{}
}

// warned are the warnings of a plan that an attribute is not kept up to date.
func (w *world) warned() (out []string) {
	w.t.Helper()
	for _, n := range w.mustPlan().Notices {
		if n.Code == engine.NoticeUpdate {
			out = append(out, n.Text)
		}
	}
	return out
}

const update = "update wiki/.exists ready"

func TestAttributesAreKeptUpToDate(t *testing.T) {
	w := upToDate(t)
	for _, name := range []string{"mail", "team", "title"} {
		w.says("zoe", name, "New\nline")
	}
	p := w.later()
	same(t, "zoe", about(p, "zoe"), []string{update})
	c := p.Changes[0]
	if want := []string{`mail is "Old" in the account, and "New\nline" by the directory's entry`, `team is "Old" in the account, and "New\nline" by the directory's entry`}; !slices.Equal(c.Why, want) {
		t.Errorf("why %q", c.Why)
	}
	if i := w.shows("id-zoe"); i.Attributes["mail"] != "New\nline" || i.Attributes["team"] != "New\nline" || i.Attributes["title"] != "Old" || i.Name != "zoe" {
		t.Errorf("%+v", i)
	}
	w.later()
	w.expect(w.plan())
	if facts := w.memory().Facts(engine.FactUpdated); len(facts) > 0 {
		t.Errorf("still remembered: %v", facts)
	}
}

// What nobody can tell, and who is not there, changes nothing.
func TestUnknownAttributesAreLeft(t *testing.T) {
	for name, change := range map[string]func(w *world){
		"no value in the entry": func(w *world) { w.says("zoe", "mail") },
		"not seen in the entry": func(w *world) {
			p := w.person("zoe")
			p.Attributes = slices.Clone(p.Attributes).With(engine.Attribute{Name: "mail", Unknown: true})
		},
		"the list is not complete": func(w *world) { w.says("yan", "mail", "New"); w.lists(enginetest.PartialList) },
		"not begun yet":            func(w *world) { w.says("zoe", "mail", "New"); w.person("zoe").State = engine.StateUpcoming },
		"a state that is unknown":  func(w *world) { w.says("zoe", "mail", "New"); w.person("zoe").State = engine.StateUnknown },
		"not named by update:":     func(w *world) { w.says("zoe", "title", "New") },
		"no update: at all":        func(w *world) { w.says("zoe", "mail", "New"); w.program("wiki").Update = nil },
	} {
		t.Run(name, func(t *testing.T) {
			w := upToDate(t)
			change(w)
			w.pass(time.Hour)
			for _, c := range w.mustPlan().Changes {
				if c.Op == engine.OpUpdate {
					t.Errorf("%s: %q", c.Account, c.Why)
				}
			}
			if said := w.warned(); len(said) > 0 {
				t.Errorf("warned: %q", said)
			}
		})
	}
}

func TestLeaversAndOthersAccountsAreNotUpdated(t *testing.T) {
	w := upToDate(t)
	w.says("zoe", "mail", "New")
	w.says("yan", "mail", "New")
	w.fire("zoe")
	w.targets["wiki"].AddAccount("own", engine.AccountInfo{Attributes: map[string]string{"mail": "Old"}}, engine.Exists, engine.Active)
	p := w.later()
	for _, c := range p.Changes {
		if c.Op == engine.OpUpdate && c.Person != "k-yan" {
			t.Errorf("%s %s", c.Op, c.Account)
		}
	}
	same(t, "yan", about(p, "yan"), []string{update})
}

// A list that does not show an attribute, and a program that can't change it, are told once.
func TestWhatCanNotBeKeptIsTold(t *testing.T) {
	w := upToDate(t)
	w.program("wiki").Attributes["room"] = func(*engine.Person) (string, string) { return "1", "" }
	w.program("wiki").Update = []string{"mail", "room"}
	w.says("zoe", "mail", "New")
	w.wants("zoe", update)
	if said := w.warned(); len(said) != 1 || !strings.Contains(said[0], "room of 2 accounts") {
		t.Errorf("%q", said)
	}
	w.targets["wiki"].Describes.Update = false
	w.wants("zoe")
	if said := w.warned(); len(said) != 1 || !strings.Contains(said[0], "can't change the attributes") {
		t.Errorf("%q", said)
	}
}

// A program that makes something else of a value, or nothing, is given it once.
func TestAValueThatIsNotTakenIsGivenOnce(t *testing.T) {
	for shown, takes := range map[string]func(attribute, value string) string{
		"new": func(_, value string) string { return strings.ToLower(value) },
		"Old": func(string, string) string { return "" },
	} {
		t.Run("shows "+shown, func(t *testing.T) {
			w := upToDate(t)
			w.targets["wiki"].Takes = takes
			w.targets["wiki"].Describes.Lag = 3 * time.Hour
			w.says("zoe", "mail", "New")
			w.pass(4 * time.Hour)
			w.applied("zoe", update)
			for range 3 { // the list may be from before
				w.pass(50 * time.Minute)
				w.applied("zoe")
				if said := w.warned(); len(said) > 0 {
					t.Errorf("warned within the lag: %q", said)
				}
			}
			for range 3 {
				w.pass(4 * time.Hour)
				w.applied("zoe")
				if said := w.warned(); len(said) != 1 || !strings.Contains(said[0], "wiki shows another value") || strings.Contains(said[0], `"New"`) || strings.Contains(said[0], `"`+shown+`"`) {
					t.Errorf("warned: %q", said)
				}
			}
			w.says("zoe", "mail", "Newer")
			w.applied("zoe", update)
			w.pass(4 * time.Hour)
			w.applied("zoe")
			w.targets["wiki"].SetAttribute("id-zoe", "mail", "by hand")
			w.pass(4 * time.Hour)
			w.applied("zoe", update)
		})
	}
}

func TestARenameCarriesTheAttributes(t *testing.T) {
	w := upToDate(t)
	w.targets["wiki"].Describes.Rename = true
	w.says("zoe", "mail", "New")
	w.person("zoe").Attributes[0].Values = []string{"zora"}
	w.later()
	if i := w.shows("id-zoe"); i.Name != "zora" || i.Attributes["mail"] != "New" {
		t.Errorf("%+v", i)
	}
	w.pass(time.Hour)
	w.wants("zora")
	w.expect(w.plan())
}

// A rename that can't be made now does not keep the attributes back.
func TestAFailedRenameHoldsNoAttributes(t *testing.T) {
	w := upToDate(t)
	w.targets["wiki"].Describes.Rename = true
	w.says("zoe", "mail", "New")
	i := slices.IndexFunc(w.people, func(p engine.Person) bool { return p.Login() == "zoe" })
	w.people[i].Attributes = slices.Clone(w.people[i].Attributes).With(engine.Attribute{Name: "login", Values: []string{"yan"}})
	p := w.later()
	if n := len(p.Changes); n != 1 || p.Changes[0].Op != engine.OpRename {
		t.Errorf("%v", lines(p))
	}
	p = w.mustPlan()
	if got := lines(p); !slices.Equal(got, []string{"rename wiki/.exists id-zoe blocked", "update wiki/.exists id-zoe ready"}) {
		t.Errorf("%v", got)
	}
}

// What became of a call without an answer is what the list shows; where that is nothing, the next try waits for longer each time.
func TestLostUpdatesAreReadBack(t *testing.T) {
	for fault, want := range map[enginetest.Fault][]string{enginetest.LoseAfter: {}, enginetest.LoseBefore: {"update wiki/.exists blocked: failed 1 time, next try "}} {
		w := upToDate(t)
		w.says("zoe", "mail", "New")
		w.once(fault)
		w.later()
		w.pass(10 * time.Minute)
		p, _ := w.apply()
		same(t, "zoe", about(p, "zoe"), want)
		w.pass(24 * time.Hour)
		w.apply()
		if i := w.shows("id-zoe"); i.Attributes["mail"] != "New" {
			t.Errorf("fault %d: %+v", fault, i)
		}
	}
}

func TestARefusedUpdateIsTriedLater(t *testing.T) {
	w := upToDate(t)
	w.says("zoe", "mail", "New")
	w.once(enginetest.Refuse)
	w.later()
	w.wants("zoe", "update wiki/.exists blocked: failed 1 time, next try ")
	w.pass(24 * time.Hour)
	w.applied("zoe", update)
	w.pass(time.Hour)
	w.wants("zoe")
}

// Everybody with another address in one day is a mistake of the directory, until somebody says that it is none. Grants go on.
func TestAnAddressForEverybodyNeedsApproval(t *testing.T) {
	w := upToDate(t)
	w.engine.Settings.Limits.Update = engine.Limit{Window: 24 * time.Hour}
	w.says("yan", "mail", "New")
	w.says("zoe", "mail", "New")
	w.hire("new", "a")
	p := w.later()
	same(t, "zoe", about(p, "zoe"), []string{"update wiki/.exists needs-approval: limit update of "})
	same(t, "yan", about(p, "yan"), []string{"update wiki/.exists needs-approval: limit update of "})
	w.has("id-new", "x", true)
	w.approve()
	w.says("yan", "mail", "Other")
	p = w.later()
	same(t, "zoe", about(p, "zoe"), []string{update})
	same(t, "yan", about(p, "yan"), []string{"update wiki/.exists needs-approval: limit update of "}) // that value was not approved
}

// Two runs within the window add up, renames too.
func TestUpdatesAndRenamesAddUp(t *testing.T) {
	w := upToDate(t)
	w.targets["wiki"].Describes.Rename = true
	w.engine.Settings.Limits.Update = engine.Limit{Floor: 1, Percent: 10, Cap: 5, Window: 24 * time.Hour}
	w.says("yan", "mail", "New")
	same(t, "yan", about(w.later(), "yan"), []string{update})
	w.person("zoe").Attributes[0].Values = []string{"zora"}
	w.pass(time.Hour)
	p := w.mustPlan()
	if len(p.Changes) != 1 || p.Changes[0].Op != engine.OpRename || p.Changes[0].State != engine.NeedsApproval {
		t.Errorf("%v", lines(p))
	}
}

// What waits to be done is withdrawn when the entry says something else.
func TestAQueuedUpdateOfAnotherValueIsWithdrawn(t *testing.T) {
	w := upToDate(t)
	leave := func() {
		w.t.Helper()
		if _, _, err := w.engine.Apply(t.Context(), engine.ApplyOptions{Actor: "test", Leave: true}); err != nil {
			t.Fatal(err)
		}
	}
	w.pass(time.Hour)
	w.says("zoe", "mail", "Wrong")
	leave()
	first := w.memory().Open
	w.says("zoe", "mail", "New")
	leave()
	open := w.memory().Open
	if len(first) != 1 || len(open) != 1 || open[0].Seq == first[0].Seq || open[0].Change.New.Attributes["mail"] != "New" {
		t.Errorf("%+v, then %+v", first, open)
	}
	leave()
	if again := w.memory().Open; len(again) != 1 || again[0].Seq != open[0].Seq {
		t.Errorf("the same value is queued anew: %+v", again)
	}
}

func TestAnUpdateIsNotUndone(t *testing.T) {
	w := upToDate(t)
	w.says("zoe", "mail", "New")
	w.pass(time.Hour)
	_, r := w.apply()
	list, err := w.engine.UndoPreview(t.Context(), w.journal, r.Run)
	if err != nil || len(list) != 1 || !strings.Contains(list[0].Cannot, `correct it there; what the run changed: mail is "Old" in the account`) {
		t.Errorf("%+v, %v", list, err)
	}
}

// What is remembered of an account ends with it, and with the setting.
func TestGivenValuesAreForgotten(t *testing.T) {
	for name, end := range map[string]func(w *world){
		"the account": func(w *world) { w.targets["wiki"].Set("id-zoe", engine.Exists, false) },
		"the setting": func(w *world) { w.program("wiki").Update = []string{"team"} },
	} {
		w := upToDate(t)
		w.targets["wiki"].Takes = func(string, string) string { return "" }
		w.says("zoe", "mail", "New")
		w.later()
		if len(w.memory().Facts(engine.FactUpdated)) != 1 {
			t.Fatalf("%v", w.memory().Facts(engine.FactUpdated))
		}
		end(w)
		w.later()
		if facts := w.memory().Facts(engine.FactUpdated); len(facts) > 0 {
			t.Errorf("%s: %v", name, facts)
		}
	}
}

// A rename that somebody rejected is not made, so it carries nothing.
func TestARejectedRenameCarriesNothing(t *testing.T) {
	w := upToDate(t)
	w.targets["wiki"].Describes.Rename = true
	w.engine.Settings.Limits.Update = engine.Limit{Window: 24 * time.Hour}
	w.person("zoe").Attributes[0].Values = []string{"zora"}
	w.says("zora", "mail", "New")
	w.later()
	w.reject()
	w.engine.Settings.Limits.Update = engine.Limit{}
	w.pass(time.Hour)
	if got := lines(w.mustPlan()); !slices.Equal(got, []string{"rename wiki/.exists id-zoe blocked", "update wiki/.exists id-zoe ready"}) {
		t.Errorf("%v", got)
	}
}

// What failed, and was put right by somebody else, holds no later change back.
func TestAFailureEndsWhereNothingIsToBeUpdated(t *testing.T) {
	w := upToDate(t)
	w.says("zoe", "mail", "New")
	w.once(enginetest.Refuse)
	w.later()
	w.targets["wiki"].SetAttribute("id-zoe", "mail", "New")
	w.pass(time.Second)
	w.applied("zoe")
	w.says("zoe", "mail", "Newer")
	w.wants("zoe", update)
}

// An account that is somebody's, and that Rolecall does not manage, is not changed.
func TestUnmanagedAccountsAreNotUpdated(t *testing.T) {
	w := upToDate(t)
	w.program("wiki").Match = "person"
	w.hire("bob")
	w.says("bob", "mail", "New")
	w.targets["wiki"].AddAccount("bobs", engine.AccountInfo{Attributes: map[string]string{"mail": "Old", "person": "k-bob"}}, engine.Exists, engine.Active)
	for range 2 {
		w.later()
	}
	if i := w.shows("bobs"); i.Attributes["mail"] != "Old" {
		t.Errorf("%+v", i)
	}
}
