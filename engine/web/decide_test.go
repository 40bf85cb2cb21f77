package web

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
)

func (d *door) note(u User, what ...string) error {
	d.did = append(d.did, u.Actor+" "+strings.Join(what, " "))
	return d.wrong
}

func (d *door) Decide(_ context.Context, u User, approve bool, items []string, reason string) (int, error) {
	verb := "reject"
	if approve {
		verb = "approve"
	}
	return len(items), d.note(u, verb, strings.Join(items, ","), reason)
}

func (d *door) Give(_ context.Context, u User, person, entitlement string, day time.Time, reason string) error {
	return d.note(u, "give", person, entitlement, day.Format(time.DateOnly), reason)
}

func (d *door) Pause(_ context.Context, u User, program string, on bool, reason string) error {
	verb := "resume"
	if on {
		verb = "pause"
	}
	return d.note(u, verb, program, reason)
}

func (d *door) CutPreview(context.Context, string) (*engine.Plan, error) {
	return outlook("x").Plan, d.wrong
}

func (d *door) Cut(_ context.Context, u User, person, reason string) error {
	return d.note(u, "cut", person, reason)
}

func (d *door) Lift(_ context.Context, u User, person, reason string) error {
	return d.note(u, "lift", person, reason)
}

func (d *door) UndoPreview(context.Context, string) ([]engine.Undone, error) {
	return []engine.Undone{{Change: outlook("x").Plan.Changes[0], Outcome: engine.Done, Inverse: engine.OpRevoke}}, d.wrong
}

func (d *door) Undo(_ context.Context, u User, run, reason string) error {
	return d.note(u, "undo", run, reason)
}

func (d *door) StartReview(_ context.Context, u User, o engine.ReviewOrder) (int, error) {
	return 3, d.note(u, "start", o.Name, strings.Join(o.Scope, ","), o.Reviewers, o.Due.Format(time.DateOnly), o.Keep.Format(time.DateOnly), strconv.FormatBool(o.Undecided), o.Reason)
}

func (d *door) Review(_ context.Context, u User, o engine.ReviewDecision) (int, error) {
	verb := map[bool]string{true: "keep", false: "revoke"}[o.Keep]
	return len(o.Lines), d.note(u, verb, o.Review, strings.Join(o.Lines, ","), o.Until.Format(time.DateOnly), o.Reason)
}

func (d *door) CloseReview(_ context.Context, u User, name, reason string) error {
	return d.note(u, "close", name, reason)
}

func (d *door) Delegate(_ context.Context, u User, to string, from, until time.Time, reason string) error {
	return d.note(u, "delegate", to, from.Format(time.DateOnly), until.Format(time.DateOnly), reason)
}

func (d *door) EndDelegation(_ context.Context, u User, of, to, reason string) error {
	return d.note(u, "end", of, to, reason)
}

func (d *door) TaskDone(_ context.Context, u User, id, note string) error {
	return d.note(u, "done", id, note)
}

func (d *door) Release(_ context.Context, u User, reason string) (int, error) {
	return 4, d.note(u, "release", reason)
}

// giving is a policy that knows what can be given.
type giving struct{ silent }

func (giving) Entitlements() []engine.Entitlement {
	return []engine.Entitlement{{Program: "crm", Name: "x"}}
}

// Forms lead to decisions with what was typed, and then to a page; one that is not whole decides nothing.
func TestForms(t *testing.T) {
	for name, c := range map[string]struct {
		path, form string
		did, to    string // what is done; where to look then
		status     int    // if nothing is done
	}{
		"approve":           {"/waiting", "do=approve&item=a&item=b&reason=agreed+with+HR", "approve a,b agreed with HR", "/waiting?did=approve&n=2", 0},
		"reject":            {"/waiting", "do=reject&item=a&reason=no", "reject a no", "/waiting?did=reject&n=1", 0},
		"all that is shown": {"/waiting", "do=approve&all=yes&shown=a&shown=b&item=c&reason=r", "approve a,b r", "/waiting?did=approve&n=2", 0},
		"no verb":           {"/waiting", "item=a&reason=r", "", "", 400},
		"nothing chosen":    {"/waiting", "do=approve&shown=a&reason=r", "", "", 400},
		"the word all":      {"/waiting", "do=approve&item=all&reason=r", "", "", 400},
		"no reason":         {"/waiting", "do=approve&item=a&reason=+", "", "", 400},
		"a long reason":     {"/waiting", "do=approve&item=a&reason=" + strings.Repeat("x", mostReason+1), "", "", 400},
		"in the address":    {"/waiting?do=approve&item=a&reason=r", "", "", "", 400},
		"verb in address":   {"/waiting?do=approve", "item=a&reason=r", "", "", 400},
		"reason in address": {"/waiting?reason=r", "do=approve&item=a", "", "", 400},
		"give":              {"/people/p1/give", "entitlement=crm/x&until=2027-01-31&reason=fair", "give p1 crm/x 2027-01-31 fair", "/people/p1?did=give", 0},
		"give for ever":     {"/people/p1/give", "entitlement=crm/x&until=&reason=fair", "", "", 400},
		"give in the past":  {"/people/p1/give", "entitlement=crm/x&until=2026-01-31&reason=fair", "", "", 400},
		"give nothing":      {"/people/p1/give", "entitlement=crm/y&until=2027-01-31&reason=fair", "", "", 400},
		"give, no reason":   {"/people/p1/give", "entitlement=crm/x&until=2027-01-31", "", "", 400},
		"cut":               {"/people/p1/cut", "reason=stolen", "cut p1 stolen", "/people/p1?did=cut", 0},
		"cut, no reason":    {"/people/p1/cut", "", "", "", 400},
		"lift":              {"/people/p1/lift", "reason=found", "lift p1 found", "/people/p1?did=lift", 0},
		"lift, no reason":   {"/people/p1/lift", "", "", "", 400},
		"pause":             {"/pause", "program=crm&reason=incident", "pause crm incident", "/programs/crm?did=pause", 0},
		"pause all":         {"/pause", "program=&reason=incident", "pause  incident", "/?did=pause", 0},
		"pause, of nothing": {"/pause", "reason=incident", "", "", 400},
		"pause no program":  {"/pause", "program=x&reason=incident", "", "", 400},
		"pause, no reason":  {"/pause", "program=crm", "", "", 400},
		"resume":            {"/resume", "program=crm", "resume crm ", "/programs/crm?did=resume", 0},
		"review":            {"/reviews/q1", "do=keep&line=a&line=b&until=2027-01-31&reason=fine", "keep q1 a,b 2027-01-31 fine", "/reviews/q1?did=keep&n=2", 0},
		"review, revoke":    {"/reviews/q1", "do=revoke&line=a&until=&reason=fine", "revoke q1 a 0001-01-01 fine", "/reviews/q1?did=revoke&n=1", 0},
		"review what shows": {"/reviews/q1", "do=keep&all=yes&shown=a&shown=b&line=c&reason=r", "keep q1 a,b 0001-01-01 r", "/reviews/q1?did=keep&n=2", 0},
		"review, no verb":   {"/reviews/q1", "line=a&reason=r", "", "", 400},
		"review nothing":    {"/reviews/q1", "do=keep&shown=a&reason=r", "", "", 400},
		"review, no reason": {"/reviews/q1", "do=keep&line=a", "", "", 400},
		"review, no day":    {"/reviews/q1", "do=keep&line=a&until=x&reason=r", "", "", 400},
		"start a review":    {"/reviews", "name=q1&program=crm&role=sales&reviewers=managers&due=2027-01-31&undecided=yes&reason=yearly", "start q1 program:crm,role:sales managers 2027-01-31 0001-01-01 true yearly", "/reviews/q1?did=begun&n=3", 0},
		"start, of all":     {"/reviews", "name=q1&reviewers=owners&due=2027-01-31&reason=yearly", "start q1  owners 2027-01-31 0001-01-01 false yearly", "/reviews/q1?did=begun&n=3", 0},
		"start, no day":     {"/reviews", "name=q1&reviewers=owners&reason=yearly", "", "", 400},
		"start, no reason":  {"/reviews", "name=q1&reviewers=owners&due=2027-01-31", "", "", 400},
		"close a review":    {"/reviews/q1/close", "reason=signed+off", "close q1 signed off", "/reviews/q1?did=closed", 0},
		"close, no reason":  {"/reviews/q1/close", "", "", "", 400},
		"delegate":          {"/delegations", "to=bob&from=2027-01-04&until=2027-01-31&reason=holidays", "delegate bob 2027-01-04 2027-01-31 holidays", "/waiting?did=delegate", 0},
		"delegate, no day":  {"/delegations", "to=bob&until=2027-01-31&reason=holidays", "", "", 400},
		"delegate, no end":  {"/delegations", "to=bob&from=2027-01-31&reason=holidays", "", "", 400},
		"delegate to none":  {"/delegations", "from=2027-01-04&until=2027-01-31&reason=holidays", "", "", 400},
		"delegate, why":     {"/delegations", "to=bob&from=2027-01-04&until=2027-01-31", "", "", 400},
		"end a delegation":  {"/delegations/end", "of=p1&to=p2&reason=back", "end p1 p2 back", "/waiting?did=undelegate", 0},
		"end, no reason":    {"/delegations/end", "of=p1&to=p2", "", "", 400},
		"tick off":          {"/tasks/done", "task=t1&reason=closed+there", "done t1 closed there", "/waiting?did=done", 0},
		"tick off, no note": {"/tasks/done", "task=t1", "", "", 400},
		"tick off nothing":  {"/tasks/done", "reason=x", "", "", 400},
		"release":           {"/release", "reason=rule+corrected", "release rule corrected", "/runs?did=release&n=4", 0},
		"release, no word":  {"/release", "", "", "", 400},
		"undo":              {"/runs/r1/undo", "reason=wrong+rule", "undo r1 wrong rule", "/runs/r1?did=undo", 0},
		"undo, no reason":   {"/runs/r1/undo", "", "", "", 400},
	} {
		s, d, _ := guarded(t, Admin)
		o := outlook("x")
		o.Policy = giving{}
		s.Outlook = func() *engine.Outlook { return o }
		w := send(s, http.MethodPost, c.path, c.form)
		if c.status != 0 {
			if w.Code != c.status || len(d.did) > 0 {
				t.Errorf("%s: %d, did %v", name, w.Code, d.did)
			}
			continue
		}
		if w.Code != http.StatusSeeOther || w.Header().Get("Location") != c.to || !slices.Equal(d.did, []string{"oidc:1 (Ann) " + c.did}) {
			t.Errorf("%s: %d to %q, did %q", name, w.Code, w.Header().Get("Location"), d.did)
		}
		if page := send(s, http.MethodGet, c.to, "").Body.String(); !strings.Contains(page, `role="status"`) {
			t.Errorf("%s: the page does not say what was done", name)
		}
	}
}

// What the engine refuses is said; what goes wrong inside is not; what must be done by hand is listed.
func TestDecisionsThatFail(t *testing.T) {
	for _, c := range []struct {
		wrong  error
		status int
		says   string
	}{
		{Refused{"nobody decides on their own access", http.StatusForbidden}, 403, "nobody decides on their own access"},
		{errors.New("secret-of-the-database"), 503, "the log says why"},
		{ByHand{outlook("bad-account").Plan.Changes[:1]}, 503, "bad-account"},
	} {
		s, d, _ := guarded(t, Admin)
		d.wrong = c.wrong
		w := send(s, http.MethodPost, "/people/p1/cut", "reason=stolen")
		if body := w.Body.String(); w.Code != c.status || !strings.Contains(body, c.says) || strings.Contains(body, "secret-of") {
			t.Errorf("%v: %d %s", c.wrong, w.Code, body)
		}
	}
	s, d, _ := guarded(t, Admin)
	d.wrong = ErrUnderWay
	if to := send(s, http.MethodPost, "/people/p1/cut", "reason=stolen").Header().Get("Location"); to != "/people/p1?did=cutting" {
		t.Error(to)
	}
	d.wrong = errors.New("the directory does not answer")
	if w := send(s, http.MethodGet, "/people/p1/cut", ""); w.Code != 200 || !strings.Contains(w.Body.String(), "can't be told now") || !strings.Contains(w.Body.String(), "Cut off now") {
		t.Errorf("what can't be looked at stands in the way of a cut: %d %s", w.Code, w.Body.String())
	}
}

// What somebody may not do is not offered, and nobody is offered a decision about themselves.
func TestWhatIsOffered(t *testing.T) {
	has := func(s *Site, path, text string) bool {
		return strings.Contains(send(s, http.MethodGet, path, "").Body.String(), text)
	}
	for p := Viewer; p <= Admin; p++ {
		s, d, _ := guarded(t, p)
		d.user.Person = "p2"
		for text, c := range map[string]struct {
			path  string
			needs Permission
		}{
			`action="/waiting"`: {"/waiting", Approver}, `name="item"`: {"/waiting", Approver}, `/people/p1/give`: {"/people/p1", Approver}, `href="/people/p1/cut"`: {"/people/p1", Approver},
			`/people/p1/lift`: {"/people/p1", Admin}, `action="/resume"`: {"/programs/crm", Admin}, `action="/pause"`: {"/", Admin}, `/runs/r1/undo`: {"/runs/r1", Admin},
		} {
			if got := has(s, c.path, text); got != (p >= c.needs) {
				t.Errorf("%s at %s for %s: %v", text, c.path, p, got)
			}
		}
	}
	s, _, _ := guarded(t, Admin) // who is p1
	for path, text := range map[string]string{"/waiting": `name="do"`, "/people/p1": "/people/p1/give"} {
		if has(s, path, text) {
			t.Errorf("%s offers %s about whoever asks", path, text)
		}
	}
	if has(s, "/people/p1", "/people/p1/lift") {
		t.Error("whoever is cut off is offered to lift it")
	}
}

// What was decided and is there by now is not about to change any more, nor what a cut overtook.
func TestWhatIsMadeIsNotAboutToChange(t *testing.T) {
	held := []engine.Held{{Program: "crm", Account: "u-1", Entitlement: "x", Person: "p1"}}
	for name, c := range map[string]struct {
		change engine.Change
		made   bool
	}{
		"given":                   {engine.Change{Op: engine.OpGrant, Program: "crm", Account: "u-1", Entitlement: "crm/x", State: engine.Ready}, true},
		"given, as proposed":      {engine.Change{Op: engine.OpGrant, Program: "crm", Account: "ann", Proposed: true, Entitlement: "crm/x", State: engine.Ready}, true},
		"to be given":             {engine.Change{Op: engine.OpGrant, Program: "crm", Account: "u-1", Entitlement: "crm/y", State: engine.Ready}, false},
		"of another account":      {engine.Change{Op: engine.OpGrant, Program: "crm", Account: "u-2", Entitlement: "crm/x", State: engine.Ready}, false},
		"to be taken":             {engine.Change{Op: engine.OpRevoke, Program: "crm", Account: "u-1", Entitlement: "crm/x", State: engine.Ready}, false},
		"taken":                   {engine.Change{Op: engine.OpRevoke, Program: "crm", Account: "u-1", Entitlement: "crm/y", State: engine.Ready}, true},
		"waiting for an approval": {engine.Change{Op: engine.OpRevoke, Program: "crm", Account: "u-1", Entitlement: "crm/y", State: engine.NeedsApproval}, false},
	} {
		if got := isMade(&c.change, held); got != c.made {
			t.Errorf("%s: %v", name, got)
		}
	}
	v := personView{Seen: outlook("x"), Cut: &engine.Fact{Since: noon().Add(time.Minute)}}
	if !v.overtaken(&engine.Change{Op: engine.OpGrant}) || v.overtaken(&engine.Change{Op: engine.OpRevoke}) {
		t.Error("a cut overtakes what is given, and nothing else")
	}
	if v.Cut.Since = noon().Add(-time.Minute); v.overtaken(&engine.Change{Op: engine.OpGrant}) {
		t.Error("a plan that knows of the cut is not overtaken")
	}
}
