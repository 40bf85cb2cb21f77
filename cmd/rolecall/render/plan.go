package render

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// Plan shows a plan as reviewers like it: what stands out first, then by program, then the sum.
func (o Out) Plan(p *engine.Plan) error { return o.plan(p, 20) }

// Applied is Plan for somebody who has seen what is not managed before: it is only counted.
func (o Out) Applied(p *engine.Plan) error { return o.plan(p, 0) }

func (o Out) plan(p *engine.Plan, unmanaged int) error {
	switch o.Format {
	case JSON:
		return o.PlanJSON(p)
	case CSV, Markdown:
		return o.table(changeHeader(), changeRows(p.Changes))
	}
	o.notices(p.Notices, "alarm")
	o.incomplete(p.Proofs)
	for program, changes := range byProgram(p.Changes) {
		o.Raw(o.Paint(Bold, Clean(program)) + ": " + count(shown(changes), "change"))
		if err := o.grid("  ", changeLines(changes)); err != nil {
			return err
		}
		o.Line("")
	}
	if err := o.unmanaged(p.Unmanaged, unmanaged); err != nil {
		return err
	}
	o.oddities(p.Proofs)
	o.notices(p.Notices, "warning") // the end is what a terminal shows
	o.notices(p.Notices, "info")
	o.Line("%s", Sentence(p))
	for _, m := range p.Money {
		o.Line("%s", MoneySentence(m))
	}
	return nil
}

func byProgram(changes []engine.Change) func(yield func(string, []engine.Change) bool) {
	return func(yield func(string, []engine.Change) bool) {
		for len(changes) > 0 {
			program := changes[0].Program
			n := 1
			for n < len(changes) && changes[n].Program == program {
				n++
			}
			if !yield(program, changes[:n]) {
				return
			}
			changes = changes[n:]
		}
	}
}

// changeLines are the changes of one program for a terminal.
func changeLines(changes []engine.Change) rows {
	return func(yield func(Color, []string) bool) {
		for i := range changes {
			c := &changes[i]
			if i > 0 && completes(&changes[i-1], c) {
				continue
			}
			sign, color := signOf(c)
			if !yield(color, []string{sign, string(c.Op), rightOf(c), Who(c.Name, c.Login, c.Person), accountOf(c), strings.Join(whyOf(changes[i:]), "; "), costOf(changes[i:]), StateOf(c)}) {
				return
			}
		}
	}
}

// shown counts the lines of changeLines.
func shown(changes []engine.Change) (n int) {
	for i := range changes {
		if i == 0 || !completes(&changes[i-1], &changes[i]) {
			n++
		}
	}
	return n
}

func signOf(c *engine.Change) (sign string, color Color) {
	sign, color = "~", Plain
	switch {
	case c.Op.Gives():
		sign, color = "+", Green
	case c.Op.Takes():
		sign, color = "−", Red
	}
	if c.State != engine.Ready {
		color = Amber
	}
	return sign, color
}

// whyOf is the why of the first change; for a new account, that of the grant which needs it says more.
func whyOf(changes []engine.Change) []string {
	if len(changes) > 1 && completes(&changes[0], &changes[1]) {
		return changes[1].Why
	}
	return changes[0].Why
}

// costOf is what the first change costs or saves; for a new account, also what the grant costs that makes it usable.
func costOf(changes []engine.Change) string {
	text := CostOf(&changes[0])
	if text == "" && len(changes) > 1 && completes(&changes[0], &changes[1]) {
		return CostOf(&changes[1])
	}
	return text
}

// CostOf says in words what the seats of a change cost or save: "+30.00 EUR a month, paid already".
func CostOf(c *engine.Change) string {
	var parts []string
	for _, cost := range c.Costs {
		text := fmt.Sprintf("%+.2f %s a month", cost.Month, cost.Currency)
		if cost.Kind != "" {
			text = cost.Kind + " " + text
		}
		switch {
		case cost.From != nil:
			text += " from " + cost.From.Format(time.DateOnly)
		case cost.Paid && cost.Month > 0:
			text += ", paid already"
		case cost.Paid:
			text += ", paid all the same"
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, "; ")
}

// MoneySentence says what the changes of a plan come to in one currency.
func MoneySentence(m engine.Money) string {
	return fmt.Sprintf("Seats a month: +%.2f %s, −%.2f %s; at once %+.2f %s are paid.", m.Costs, m.Currency, m.Saves, m.Currency, m.Bill, m.Currency)
}

// completes says that a change only makes usable what the one before creates; one line is enough for both.
func completes(before, c *engine.Change) bool {
	made := before.Op == engine.OpCreate && c.Op.Gives() && c.Right() == engine.Active
	adopted := before.Op == engine.OpAdopt && c.Op == engine.OpAdopt && before.Right() == engine.Active && c.Right() == engine.Exists
	return (made || adopted) && before.Account == c.Account && before.State == c.State
}

func rightOf(c *engine.Change) string {
	switch c.Right() {
	case engine.Active, engine.Exists:
		return "the account"
	}
	return c.Right()
}

// accountOf is shown where it is not simply the login.
func accountOf(c *engine.Change) string {
	name, proposed := engine.ProposedName(c.Account)
	switch {
	case c.Account == "" || proposed && name == c.Login:
		return ""
	case proposed:
		return "as " + name
	case c.Account == c.Login:
		return ""
	}
	return "as " + c.Account
}

// Who names a person by name and login, else by key.
func Who(name, login, key string) string {
	switch {
	case login == "" && name == "":
		return cmp.Or(key, "(nobody known)")
	case login == "" || name == login:
		return cmp.Or(name, login)
	case name == "":
		return login
	}
	return name + " (" + login + ")"
}

// StateOf says in words what happens to a change.
func StateOf(c *engine.Change) string {
	text := ""
	switch c.State {
	case engine.NeedsApproval:
		text = "needs approval"
	case engine.Blocked:
		text = "blocked"
	case engine.Scheduled:
		text = "scheduled"
	}
	if c.Due != nil {
		text += " from " + c.Due.UTC().Format("2006-01-02 15:04 UTC")
	}
	if c.Reason != "" {
		text += ": " + c.Reason
	}
	return strings.TrimPrefix(strings.TrimSpace(text), ": ")
}

// notices shows what stands out, of one level.
func (o Out) notices(all []engine.Notice, level string) {
	shown := 0
	for _, n := range all {
		if n.Level != level {
			continue
		}
		shown++
		color := Plain
		switch n.Level {
		case "alarm":
			color = Red
		case "warning":
			color = Amber
		}
		where := ""
		if n.Program != "" {
			where = " " + n.Program
		}
		o.Raw(o.Paint(color, Clean(n.Level+where)) + ": " + Clean(n.Text))
	}
	if shown > 0 {
		o.Line("")
	}
}

// unmanaged shows at most a screenful; JSON has all.
func (o Out) unmanaged(list []engine.Unmanaged, most int) error {
	if len(list) == 0 {
		return nil
	}
	if most == 0 {
		o.Line("%s that Rolecall neither granted nor adopted; `rolecall plan` lists them.", count(len(list), "holding"))
		return nil
	}
	o.Raw(o.Paint(Bold, "not managed") + ": " + count(len(list), "holding") + " that Rolecall neither granted nor adopted")
	var t Table
	for _, u := range list[:min(most, len(list))] {
		t.Add(Dim, "·", u.Entitlement, Who(u.Name, u.Account, u.Account), u.Kind)
	}
	if err := o.grid("  ", t.lines()); err != nil {
		return err
	}
	if more := len(list) - most; more > 0 {
		o.Line("  … and %d more; -o json shows all", more)
	}
	o.Line("")
	return nil
}

// Sentence sums a plan up.
func Sentence(p *engine.Plan) string {
	var parts []string
	for _, op := range []engine.Op{engine.OpCreate, engine.OpGrant, engine.OpResume, engine.OpAdopt, engine.OpUpdate, engine.OpRename,
		engine.OpSuspend, engine.OpRevoke, engine.OpDelete} {
		if n := p.Summary.Ops[op]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d to %s", n, op))
		}
	}
	text := "Nothing to change"
	if len(parts) > 0 {
		text = strings.Join(parts, ", ")
	}
	var held []string
	for _, h := range []struct {
		n    int
		text string
	}{{p.Summary.Approval, "waiting for approval"}, {p.Summary.Blocked, "blocked"}, {p.Summary.Scheduled, "scheduled"}} {
		if h.n > 0 {
			held = append(held, fmt.Sprintf("%d %s", h.n, h.text))
		}
	}
	if len(held) > 0 {
		text += "; " + strings.Join(held, ", ")
	}
	return fmt.Sprintf("%s; %d unchanged, %s.", text, p.Summary.Unchanged, count(p.Summary.People, "person"))
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	if what == "person" {
		return fmt.Sprintf("%d people", n)
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func changeHeader() []string {
	return []string{"program", "op", "entitlement", "person", "login", "name", "account", "why", "cause", "state", "reason", "due", "cost"}
}

func changeRows(changes []engine.Change) rows {
	return func(yield func(Color, []string) bool) {
		for i := range changes {
			c := &changes[i]
			due := ""
			if c.Due != nil {
				due = c.Due.UTC().Format(time.RFC3339)
			}
			if !yield(Plain, []string{c.Program, string(c.Op), c.Entitlement, c.Person, c.Login, c.Name, c.Account, strings.Join(c.Why, "; "), string(c.Cause),
				string(c.State), c.Reason, due, CostOf(c)}) {
				return
			}
		}
	}
}
