package engine_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// account makes one of the wiki that carries somebody's immutable key, as match: compares it.
func (w *world) account(id, kind, person string) {
	w.targets["wiki"].AddAccount(id, engine.AccountInfo{Name: id, Kind: kind, Attributes: map[string]string{"person": person}}, engine.Exists, engine.Active, "x")
}

// kinds is a world in which bob has an account of each kind.
func kinds(t *testing.T) *world {
	w := company(t, map[string][]string{"a": {"wiki/x"}})
	w.program("wiki").Match = "person"
	w.hire("bob")
	for _, kind := range []string{engine.PersonalAccount, engine.AdminAccount, engine.TestAccount, engine.ServiceAccount, engine.SharedAccount} {
		w.account(kind, kind, "k-bob")
	}
	w.apply()
	w.pass(time.Hour)
	return w
}

func (w *world) activeAccounts() (out []string) {
	for _, kind := range []string{"personal", "admin", "test", "service", "shared"} {
		if w.targets["wiki"].Has(kind, engine.Active) {
			out = append(out, kind)
		}
	}
	return out
}

func TestACutReachesAccountsOfEveryKindButNobodys(t *testing.T) {
	w := kinds(t)
	if _, _, err := w.engine.Cut(t.Context(), "boss", "bob", "stop"); err != nil {
		t.Fatal(err)
	}
	if left := w.activeAccounts(); !slices.Equal(left, []string{"service", "shared"}) {
		t.Errorf("active after the cut: %v", left)
	}
}

func TestALeaverLosesAccountsOfEveryKindButNobodys(t *testing.T) {
	w := kinds(t)
	w.engine.Settings.Unmanaged = engine.UnmanagedSuspend
	w.fire("bob")
	w.apply()
	if left := w.activeAccounts(); !slices.Equal(left, []string{"service", "shared"}) {
		t.Errorf("active although bob has left: %v", left)
	}
}

func TestPolicyIsAboutPersonalAccounts(t *testing.T) {
	w := kinds(t)
	w.roles("bob", "a")
	w.applied("bob", "adopt wiki ready", "adopt wiki/.exists ready", "adopt wiki/x ready")
	w.pass(time.Hour)
	w.program("wiki").Revoke = engine.RevokeAll
	w.targets["wiki"].Set("admin", "y", true)
	w.wants("bob") // what an admin's account holds is not adopted, to be taken away
	for _, l := range w.memory().Program("wiki").Links {
		if l.Person == "k-bob" && (l.Account != l.Kind || l.Kind == engine.ServiceAccount || l.Kind == engine.SharedAccount) {
			t.Errorf("link %+v", l)
		}
	}
}

func TestTheConfigurationSaysWhoseAccountsAreNot(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki/x"}})
	w.program("wiki").Match = "person"
	review := w.now.Add(90 * time.Minute)
	w.program("wiki").Accounts = map[string]engine.DeclaredAccount{
		"robot": {Kind: engine.ServiceAccount, Owner: "it@example.com", Review: review}, "gone": {Kind: engine.SharedAccount, Owner: "pr@example.com", Review: review},
	}
	w.hire("bob")
	w.account("robot", "", "k-bob")
	w.apply()
	for _, l := range w.memory().Program("wiki").Links {
		if l.Account == "robot" {
			t.Errorf("a service account was linked: %+v", l)
		}
	}
	a, err := w.engine.Adoption(t.Context(), "wiki")
	if i := slices.IndexFunc(a.Lines, func(l engine.AdoptionLine) bool { return l.Account == "robot" }); err != nil || i < 0 || a.Lines[i].Sure != engine.Nobody || a.Lines[i].Owner != "it@example.com" {
		t.Errorf("%+v, %v", a.Lines, err)
	}
	if err := w.engine.Adopt(t.Context(), "boss", "wiki", "his", []engine.Pairing{{Account: "robot", Person: "k-bob"}}); err == nil || !strings.Contains(err.Error(), "service account") {
		t.Errorf("adopted: %v", err)
	}
	list, _, err := w.engine.NobodysAccounts(t.Context())
	if err != nil || len(list) != 2 || list[0].Account != "gone" || !list[0].Missing || list[1].Account != "robot" || list[1].Missing || list[1].Overdue || len(list[1].Holdings) != 2 {
		t.Errorf("%+v, %v", list, err)
	}
	if w.noted("review") {
		t.Error("reminded too early")
	}
	w.pass(2 * time.Hour)
	if list, _, _ := w.engine.NobodysAccounts(t.Context()); !list[1].Overdue || !w.noted("review") {
		t.Errorf("nobody is reminded: %+v", list)
	}
}

// Programs whose ids nobody knows by heart are declared by the names that people see.
func TestAccountsAreDeclaredByNameToo(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki/x"}})
	w.targets["wiki"].AddAccount("7f3a", engine.AccountInfo{Name: "robot"}, engine.Exists, engine.Active)
	w.program("wiki").Accounts = map[string]engine.DeclaredAccount{"robot": {Kind: engine.SharedAccount, Owner: "it@example.com"}}
	if list, _, err := w.engine.NobodysAccounts(t.Context()); err != nil || len(list) != 1 || list[0].Account != "7f3a" || list[0].Owner != "it@example.com" {
		t.Errorf("%+v, %v", list, err)
	}
}

func TestALinkFromBeforeTheDeclarationIsReported(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki/x"}})
	w.program("wiki").Match = "person"
	w.hire("bob", "a")
	w.account("robot", "", "k-bob")
	w.apply()
	w.program("wiki").Accounts = map[string]engine.DeclaredAccount{"robot": {Kind: engine.ServiceAccount, Owner: "it@example.com", Review: w.now.Add(time.Hour)}}
	if !w.noted("linked") {
		t.Error("nobody is told")
	}
}

func TestTwoAdminAccountsOfOnePerson(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki/x"}})
	w.program("wiki").Match = "person"
	w.hire("bob")
	w.account("adm1", engine.AdminAccount, "k-bob")
	w.account("adm2", engine.AdminAccount, "k-bob")
	if !w.noted("ambiguous") {
		t.Error("nobody is told")
	}
	w.apply()
	w.later() // which knows of the link
	var linked []string
	for _, l := range w.memory().Program("wiki").Links {
		if l.Person == "k-bob" {
			linked = append(linked, l.Account)
		}
	}
	if !slices.Equal(linked, []string{"adm1"}) {
		t.Errorf("linked: %v", linked)
	}
	w.fire("bob") // the second one goes as well, though it has no link
	w.later()
	w.has("adm1", engine.Active, false)
	w.has("adm2", engine.Active, false)
}

// What a dead process may have made is the personal account, and not another one that bears the same key.
func TestACreateIsNotReadBackAsAnotherKind(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki/x"}})
	w.program("wiki").Match = "person"
	w.apply()
	w.hire("bob", "a")
	if _, err := w.engine.Commit(t.Context(), w.mustPlan(), "test", w.lead()); err != nil {
		t.Fatal(err)
	}
	if _, err := w.journal.Claim(t.Context(), engine.ClaimRequest{Program: "wiki", Max: 10, Now: w.now, Lease: 10 * time.Minute}); err != nil {
		t.Fatal(err)
	}
	w.account("adm", engine.AdminAccount, "k-bob")
	w.pass(time.Hour)
	w.apply()
	w.later()
	if w.managed("adm", engine.Active) || !w.managed("bob", "x") {
		t.Errorf("wiki has %s", w.truth("wiki"))
	}
}

// An id that was an admin's account is somebody else's now: the former owner keeps the personal one.
func TestAnAdminsIdThatIsGivenAgainTakesNothing(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki/x"}})
	w.program("wiki").Match = "person"
	w.hire("bob", "a")
	w.apply()
	w.account("eve", engine.AdminAccount, "k-bob")
	w.later()
	for _, right := range []string{"x", engine.Active, engine.Exists} {
		w.targets["wiki"].Set("eve", right, false)
	}
	w.later()
	w.hire("eve", "a")
	w.later()
	w.later()
	w.has("bob", "x", true)
	w.has("eve", "x", true)
}

func TestAdoptTakesNoUnknownKind(t *testing.T) {
	w := kinds(t)
	err := w.engine.Adopt(t.Context(), "boss", "wiki", "r", []engine.Pairing{{Account: "x1", Person: "k-zoe", Kind: "bot"}})
	if err == nil || !strings.Contains(err.Error(), `has no kind "bot"; there are personal, admin, test, service, shared`) {
		t.Errorf("%v", err)
	}
}
