package policies

import (
	"fmt"
	"testing"
)

// What leads to a program is every rule and dated extra that gives something there, with what it asks for, and nothing of other programs.
func TestLeads(t *testing.T) {
	p := mustLoad(t, `version: 1
rules:
  - {name: b, roles: {any: [engineer], none: [contractor]}, grant: [crm/x, wiki, crm], mode: enforce, reason: r}
  - {name: a, when: 'job.country == "DE"', grant: [crm], mode: observe}
  - {name: c, roles: {all: [engineer]}, grant: [wiki], mode: additive}
extras:
  - {person: alice, grant: crm/x, until: 2027-01-31, reason: fair}
  - {person: alice, grant: wiki, until: 2027-01-31, reason: fair}
`)
	got := ""
	for _, l := range p.Leads("crm") {
		got += fmt.Sprintf("%s %s any%v all%v none%v %q %v %v %s\n", l.Name, l.Mode, l.Any, l.All, l.None, l.When, l.Grants, l.Extra, l.Until.Format("2006-01-02"))
	}
	want := "a observe any[] all[] none[] \"job.country == \\\"DE\\\"\" [crm] false 0001-01-01\n" +
		"b enforce any[group:engineer] all[] none[group:contractor] \"\" [crm/x crm] false 0001-01-01\n" +
		"extra: 0fdfb42115e7 crm/x until 2027-01-31 enforce any[] all[] none[] \"\" [crm/x] true 2027-01-31\n"
	if got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	if len(p.Leads("erp")) != 0 {
		t.Error("something leads where no rule does")
	}
}
