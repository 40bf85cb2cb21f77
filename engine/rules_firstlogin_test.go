package engine_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/enginetest"
)

// doors is a program that gives secrets.
type doors struct {
	*enginetest.Program
	made  map[string][]string // account → its secrets, the last one holds
	wrong error
}

func (d *doors) NewSecret(_ context.Context, account string) (string, error) {
	if d.wrong != nil {
		return "canary-half", fmt.Errorf("%w canary-half", d.wrong)
	}
	d.made[account] = append(d.made[account], fmt.Sprintf("canary-%s-%d", account, len(d.made[account])))
	return d.made[account][len(d.made[account])-1], nil
}

// mailbox keeps letters, and fails as it is told.
type mailbox struct {
	letters []engine.SecretLetter
	closed  bool // it can't be opened
	wrong   func(l *engine.SecretLetter) error
}

func (m *mailbox) open(context.Context) (engine.SecretPost, error) {
	if m.closed {
		return nil, errors.New("no mail server")
	}
	return m, nil
}

func (m *mailbox) Close() {}

func (m *mailbox) Send(_ context.Context, l *engine.SecretLetter) error {
	if m.wrong != nil {
		return m.wrong(l)
	}
	m.letters = append(m.letters, *l)
	return nil
}

func (m *mailbox) took() (out []string) {
	for _, l := range m.letters {
		out = append(out, fmt.Sprintf("%s to %s <%s> for %s", l.Secret, l.To.Key, l.Address, l.Account))
	}
	m.letters = nil
	return out
}

type firstWorld struct {
	*world
	doors *doors
	mail  *mailbox
	out   *engine.Outlook
}

func newFirstWorld(t *testing.T) *firstWorld {
	f := &firstWorld{world: company(t, map[string][]string{"a": {"wiki"}}), mail: &mailbox{}}
	f.doors = &doors{Program: f.targets["wiki"], made: map[string][]string{}}
	f.doors.Describes.Secrets = true
	f.program("wiki").Connector = f.doors
	f.apply() // those who were there before get nothing
	p := f.program("wiki")
	p.FirstLogin = engine.FirstSecret
	f.engine.Looked = func(o *engine.Outlook) { f.out = o }
	return f
}

func (f *firstWorld) mailOf(login, address string) {
	p := f.person(login)
	p.Attributes = slices.Clone(p.Attributes).With(engine.Attribute{Name: "mail", Values: []string{address}})
}

func (f *firstWorld) send() error {
	f.t.Helper()
	_, err := f.engine.SendSecrets(f.t.Context(), f.out, f.mail.open)
	return err
}

// got compares the letters since the last look.
func (f *firstWorld) got(want ...string) {
	f.t.Helper()
	if got := f.mail.took(); !slices.Equal(got, want) {
		f.t.Errorf("letters: %q, want %q", got, want)
	}
}

// clean wants no secret in any record.
func (f *firstWorld) clean() {
	f.t.Helper()
	_ = f.journal.Records(f.t.Context(), engine.Query{}, func(r engine.Record) error {
		if text, _ := json.Marshal(r); strings.Contains(string(text), "canary") {
			f.t.Errorf("a record has the secret: %s", text)
		}
		return nil
	})
}

func (f *firstWorld) hireWith(login, mail string) {
	f.hire(login, "a")
	if mail != "" {
		f.mailOf(login, mail)
	}
}

func TestANewAccountsSecretIsSentOnce(t *testing.T) {
	f := newFirstWorld(t)
	f.hireWith("ann", "ann@example.com")
	f.later()
	if err := f.send(); err != nil {
		t.Fatal(err)
	}
	f.got("canary-ann-0 to k-ann <ann@example.com> for ann")
	if err := f.send(); err != nil {
		t.Fatal(err)
	}
	f.later()
	if err := f.send(); err != nil {
		t.Fatal(err)
	}
	f.got()
	var said []string
	_ = f.journal.Records(t.Context(), engine.Query{Kind: engine.KindSecret}, func(r engine.Record) error {
		said = append(said, r.Person+" "+r.Program+" "+r.Account+" "+strings.Join(r.Why, "; "))
		return nil
	})
	if want := []string{"k-ann wiki ann a new one-time secret is asked for; one that was asked for before is void", "k-ann wiki ann a one-time secret was sent to whom it is for, the person k-ann"}; !slices.Equal(said, want) {
		t.Errorf("recorded: %q", said)
	}
	f.clean()
}

func TestASecretForTheManager(t *testing.T) {
	f := newFirstWorld(t)
	f.program("wiki").SecretTo = engine.SecretToManager
	f.hireWith("ann", "ann@example.com")
	f.person("ann").Jobs = []engine.Job{{Attributes: engine.Attributes{{Name: "manager", Values: []string{"yan"}}}}}
	f.mailOf("yan", "yan@example.com")
	f.later()
	if err := f.send(); err != nil {
		t.Fatal(err)
	}
	f.got("canary-ann-0 to k-yan <yan@example.com> for ann")
}

// Who has no address waits, and somebody is asked.
func TestASecretWaitsForAnAddress(t *testing.T) {
	f := newFirstWorld(t)
	f.hireWith("ann", "")
	f.later()
	if err := f.send(); err != nil {
		t.Fatal(err)
	}
	f.later()
	if len(f.doors.made) > 0 || !f.asks(`the new account "ann" of wiki has no secret to sign in with yet: the directory has no mail address of ANN`) {
		t.Errorf("%v; the tasks are %v", f.doors.made, f.memory().Tasks())
	}
	f.mailOf("ann", "ann@example.com")
	f.later()
	if err := f.send(); err != nil {
		t.Fatal(err)
	}
	f.got("canary-ann-0 to k-ann <ann@example.com> for ann")
	f.later()
	if f.asks("has no secret") {
		t.Errorf("the tasks are %v", f.memory().Tasks())
	}
}

// A post that can't be opened makes nothing void; one that fails has another secret made, and no error tells it.
func TestASecretThatIsNotSentIsVoid(t *testing.T) {
	f := newFirstWorld(t)
	f.hireWith("ann", "ann@example.com")
	f.later()
	f.mail.closed = true
	if err := f.send(); err == nil || len(f.doors.made) > 0 {
		t.Errorf("%v, %v", err, f.doors.made)
	}
	f.mail.closed, f.mail.wrong = false, func(l *engine.SecretLetter) error { return errors.New("the server says " + l.Secret) }
	if err := f.send(); err == nil || strings.Contains(err.Error(), "canary") || !strings.Contains(err.Error(), "the server says [secret]") {
		t.Errorf("%v", err)
	}
	f.mail.wrong = nil
	if err := f.send(); err != nil || len(f.mail.letters) > 0 { // not at once
		t.Errorf("%v, %v", err, f.mail.letters)
	}
	f.later()
	if !f.asks("the server says [secret]") {
		t.Errorf("the tasks are %v", f.memory().Tasks())
	}
	f.doors.wrong = errors.New("no room")
	if err := f.send(); err == nil || strings.Contains(err.Error(), "canary") {
		t.Errorf("%v", err)
	}
	f.doors.wrong = nil
	f.later()
	if err := f.send(); err != nil {
		t.Fatal(err)
	}
	f.got("canary-ann-1 to k-ann <ann@example.com> for ann")
	f.clean()
}

// Whatever dies between the account and the record that its secret was sent: the next run makes another one.
func TestASecretAfterACrash(t *testing.T) {
	for name, die := range map[string]func(f *firstWorld) string{
		"after the secret was made": func(f *firstWorld) string {
			f.mail.wrong = func(*engine.SecretLetter) error { panic("killed") }
			return "canary-ann-1"
		},
		"after it was sent": func(f *firstWorld) string {
			f.mail.wrong = func(l *engine.SecretLetter) error {
				f.mail.letters = append(f.mail.letters, *l)
				panic("killed")
			}
			return "canary-ann-1"
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFirstWorld(t)
			f.hireWith("ann", "ann@example.com")
			f.later()
			last := die(f)
			func() {
				defer func() { _ = recover() }()
				_ = f.send()
			}()
			f.mail.took()
			f.mail.wrong = nil
			f.later()
			if err := f.send(); err != nil {
				t.Fatal(err)
			}
			f.got(last + " to k-ann <ann@example.com> for ann")
			f.clean()
		})
	}
}

// An account that is there already, is read back as nobody's doing, or whose person is out gets no new secret.
func TestWhoGetsNoSecret(t *testing.T) {
	f := newFirstWorld(t)
	f.hireWith("ann", "ann@example.com")
	f.later()
	f.fire("ann")
	if err := f.send(); err != nil { // the outlook is of before
		t.Fatal(err)
	}
	f.mail.took()
	f.hireWith("ben", "ben@example.com")
	f.hireWith("cid", "cid@example.com")
	f.later()
	if _, _, err := f.engine.Cut(t.Context(), "op", "ben", "stolen"); err != nil {
		t.Fatal(err)
	}
	f.fire("cid")
	f.out = nil
	f.later()
	if err := f.send(); err != nil {
		t.Fatal(err)
	}
	f.got()
	if got := f.memory().Facts(engine.FactSecret); len(got) != 1 || got[0].Person != "k-ben" {
		t.Errorf("remembered: %v", got)
	}
	if !f.asks("BEN is cut off") {
		t.Errorf("the tasks are %v", f.memory().Tasks())
	}
	if err := f.engine.Lift(t.Context(), "op", "ben", "found"); err != nil {
		t.Fatal(err)
	}
	f.later()
	if err := f.send(); err != nil {
		t.Fatal(err)
	}
	f.got("canary-ben-0 to k-ben <ben@example.com> for ben")
}

// A create whose answer was lost was made by Rolecall, as the next list shows.
func TestASecretAfterALostAnswer(t *testing.T) {
	f := newFirstWorld(t)
	f.hireWith("ann", "ann@example.com")
	f.once(enginetest.LoseAfter)
	f.later()
	if err := f.send(); err != nil {
		t.Fatal(err)
	}
	f.got()
	f.later()
	f.later()
	if err := f.send(); err != nil {
		t.Fatal(err)
	}
	f.got("canary-ann-0 to k-ann <ann@example.com> for ann")
}

func TestWaysThatDoNotFitAreWarnedOf(t *testing.T) {
	f := newFirstWorld(t)
	f.doors.Describes.Secrets = false
	f.hireWith("ann", "ann@example.com")
	f.later()
	if err := f.send(); err != nil || len(f.doors.made) > 0 {
		t.Errorf("%v, %v", err, f.doors.made)
	}
	if !f.noted(engine.NoticeFirstLogin) {
		t.Error("nobody is told that it makes no secrets")
	}
	f.program("wiki").FirstLogin = engine.FirstInvitation
	if !f.noted(engine.NoticeFirstLogin) {
		t.Error("nobody is told that it does not invite")
	}
	f.doors.Describes.Invites = true
	if f.noted(engine.NoticeFirstLogin) {
		t.Error("warned of a program that invites")
	}
}

func TestAPausedProgramMakesNoSecret(t *testing.T) {
	f := newFirstWorld(t)
	f.hireWith("ann", "ann@example.com")
	f.later()
	if err := f.engine.Pause(t.Context(), "op", "wiki", "move"); err != nil {
		t.Fatal(err)
	}
	if err := f.send(); err != nil {
		t.Fatal(err)
	}
	f.got()
}

func TestOneTimeSecretsAreStrong(t *testing.T) {
	seen := map[string]bool{}
	for range 200 {
		s := engine.OneTimeSecret()
		if len(s) != 23 || strings.Count(s, "-") != 3 || seen[s] || strings.ContainsAny(s, "lIO01") || strings.ToLower(s) == s || strings.ToUpper(s) == s {
			t.Errorf("%q", s)
		}
		seen[s] = true
	}
}
