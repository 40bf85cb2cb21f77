package engine

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"time"
)

// FirstLogin says how people get into a new account for the first time.
type FirstLogin string

// The ways; "" says nothing of it.
const (
	FirstSSO        FirstLogin = "sso"             // by the company's own sign-in: nothing is to be done
	FirstInvitation FirstLogin = "invitation"      // the program invites them itself
	FirstSecret     FirstLogin = "one-time-secret" // Rolecall has a secret made and sends it
)

// FirstLogins are all of them.
func FirstLogins() []FirstLogin { return []FirstLogin{FirstSSO, FirstInvitation, FirstSecret} }

// Who is sent a one-time secret.
const (
	SecretToPerson  = "person" // also ""
	SecretToManager = "manager"
)

// SecretMaker gives an account a new secret to sign in with, and makes every earlier one void. It returns the secret, and neither logs
// it nor names it in an error. It is for the first sign-in: whoever has it should choose another one.
type SecretMaker interface {
	NewSecret(ctx context.Context, account string) (string, error)
}

// secretLetters are those that nobody takes for one another.
const secretLetters = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"

// OneTimeSecret makes up a secret of more than 110 random bits that programs take for a strong password: small and capital letters,
// digits, dashes.
func OneTimeSecret() string {
	for {
		var b strings.Builder
		for n := range 20 {
			if n > 0 && n%5 == 0 {
				b.WriteByte('-')
			}
			b.WriteByte(secretLetters[randomBelow(len(secretLetters))])
		}
		s := b.String()
		if strings.ContainsAny(s, "abcdefghijkmnpqrstuvwxyz") && strings.ContainsAny(s, "ABCDEFGHJKLMNPQRSTUVWXYZ") && strings.ContainsAny(s, "23456789") {
			return s
		}
	}
}

// randomBelow is a number below n, each as likely as the others.
func randomBelow(n int) int {
	var one [1]byte
	for {
		_, _ = rand.Read(one[:]) // never fails
		if limit := 256 / n * n; int(one[0]) < limit {
			return int(one[0]) % n
		}
	}
}

// firstSecret is what is remembered of an account that was just made, until its first secret is sent.
func (p *Program) firstSecret(c *Change, account string, o Outcome, now time.Time) []Fact {
	if p.FirstLogin != FirstSecret || c.Op != OpCreate || o != Done || c.Person == "" {
		return nil
	}
	name, _ := ProposedName(c.Account)
	if c.New != nil {
		name = cmp.Or(c.New.Name, name)
	}
	return []Fact{{FactKey: FactKey{Kind: FactSecret, Program: p.Name, Account: account, Person: c.Person}, Since: now.UTC(), Data: mustJSON(cmp.Or(name, account))}}
}

// secretReceiver is who gets the secret of somebody's new account, at which address; or why nobody does, yet.
func (p *Program) secretReceiver(people []Person, who *Person, now time.Time) (to *Person, address, wait string) {
	switch who.State {
	case StateUpcoming, StateActive, StateAway:
	default:
		return nil, "", who.Name() + " is not there"
	}
	if to = who; p.SecretTo == SecretToManager {
		if to = managerOf(people, who, now); to == nil {
			return nil, "", "the directory names no manager of " + who.Name() + " who is there"
		}
	}
	if address = to.Attributes.First("mail"); address == "" {
		return nil, "", "the directory has no mail address of " + to.Name()
	}
	return to, address, ""
}

// managerOf is the first of those who manage somebody and are there.
func managerOf(people []Person, who *Person, now time.Time) *Person {
	for _, key := range Managers(people, []*Person{who}, now)[who.Key] {
		for i := range people {
			if m := &people[i]; m.Key == key && (m.State == StateActive || m.State == StateAway) {
				return m
			}
		}
	}
	return nil
}

// firstSecrets asks somebody to see to what keeps first secrets from being sent, and forgets those that nobody needs any more.
func (b *builder) firstSecrets() {
	if !b.whole() {
		return
	}
	for f := range b.s.Memory.each(FactSecret) {
		p := b.programNamed(f.Program)
		if p == nil || p.program.FirstLogin != FirstSecret || p.needsNoSecret(f) {
			b.clear(f.FactKey)
			continue
		}
		if why := p.secretWaits(f); why != "" {
			key := FactKey{Kind: FactTask, Program: f.Program, Person: f.Person, Key: shortHash("secret "+f.Account, f.Program, f.Person)}
			b.taskSaying(key, fmt.Sprintf("the new account %s of %s has no secret to sign in with yet: %s; it is made and sent by itself once that is mended", quote(secretName(f)), f.Program, why))
		}
	}
	for _, p := range b.programs {
		p.saysFirstLogin()
	}
}

// needsNoSecret: the account is gone, or whoever it was made for is.
func (p *programPlan) needsNoSecret(f Fact) bool {
	account, known := p.reading.accounts.Find(f.Account)
	if p.complete && p.exists != none && (!known || !p.held.Has(p.exists, account)) && !p.reading.Proof.Started.Before(f.Since.Add(p.program.Describes.Lag)) {
		return true
	}
	i, ok := p.b.index[f.Person]
	return ok && p.b.subjects[i].standing == leaver || known && p.personOf(account) != f.Person
}

func (p *programPlan) secretWaits(f Fact) string {
	i, ok := p.b.index[f.Person]
	if !ok || p.b.subjects[i].person == nil {
		return "nobody knows where " + f.Person + " is"
	}
	s := &p.b.subjects[i]
	if s.standing == cutOff {
		return s.person.Name() + " is cut off"
	}
	if p.complete && !p.program.Describes.Secrets {
		return "the program's connector can't make secrets: give one by hand, and tick this off; choose another first_login: for those to come"
	}
	if _, _, wait := p.program.secretReceiver(p.b.s.People, s.person, p.b.s.Now); wait != "" {
		return wait
	}
	return f.Text // of the last try
}

// saysFirstLogin warns of a way that the program is not known to have.
func (p *programPlan) saysFirstLogin() {
	d := &p.program.Describes
	switch way := p.program.FirstLogin; {
	case !p.complete:
	case way == FirstSecret && !d.Secrets:
		p.b.warn(NoticeFirstLogin, p.program.Name, "", p.program.Name+" says first_login: one-time-secret, and its connector can't make secrets: say how, or choose another way")
	case way == FirstInvitation && !d.Invites:
		p.b.warn(NoticeFirstLogin, p.program.Name, "", p.program.Name+" says first_login: invitation, and nothing says that it invites people itself: say so (invites: true), or choose another way")
	}
}

// NoticeFirstLogin is the code of the notice that a way to sign in for the first time does not fit a program.
const NoticeFirstLogin = "first-login"
