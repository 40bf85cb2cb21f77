// Package conformance is the specification of a connector, as checks that `go test` and `rolecall connector test` both
// make: it knows nothing of package testing.
package conformance

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// T is what a check complains to: a *testing.T, or a line of a score card. Fatalf does not return, and ends the goroutine of
// the check; the others may be called from any.
type T interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// Subject is a program that nothing was done to yet, with its connector.
type Subject struct {
	Connector engine.Connector
	Accounts  []string               // ids of at least three active accounts; their names as hard as the program allows: spaces, upper case, non-ASCII
	Rights    []string               // at least two rights that none of Accounts holds
	Stranger  string                 // an id that looks right, of an account that is not there
	NoRight   string                 // a right that does not exist; "" where every name is a right
	NewNames  []string               // where there is a Creator: two names that are free
	New       engine.NewAccount      // where there is a Creator: what both need besides a name
	Secrets   []string               // canaries that the connector was given
	Broken    []engine.Connector     // the same program with a wrong password, address, …: no call may succeed
	Arm       func(fault Fault) bool // makes the next call (of the kind that the fault is about) go wrong; false: not possible here; nil: none is
	Wire      *Wire                  // stands between any other connector and its program; nil: nothing does
	HTTP      *HTTPFaults            // stand between a connector that speaks HTTP and its program; nil: nothing does

	mu     sync.Mutex
	texts  []string        // everything the connector said
	lag    time.Duration   // that the connector declares
	wrote  bool            // since the last look at a list
	shaken bool            // a wire broke since: it may take a try or two until that is noticed
	there  map[string]bool // ids of the first whole list
}

// Complainer is a connector that sees more of the other side than its answers tell, and says what is wrong there.
type Complainer interface {
	Complaints() []string // since the last call; nil: nothing
}

// Check is one part of the specification.
type Check struct {
	Name  string
	Vital bool                    // without it nothing else makes sense
	Skip  func(u *Subject) string // why it says nothing of this subject, "" if it does; nil: it always does
	run   func(t T, u *Subject)
}

// Run makes the check on a fresh subject.
func (c *Check) Run(t T, u *Subject) {
	t.Helper()
	if len(u.Accounts) < 3 || len(u.Rights) < 2 || u.Stranger == "" {
		t.Fatalf("the suite needs three accounts, two rights and a stranger")
	}
	if d, ok := u.Connector.(engine.Describer); ok {
		description, err := d.Describe(context.Background())
		if err != nil {
			t.Fatalf("it does not describe itself: %v", err)
		}
		u.lag = description.Lag
	}
	c.run(t, u)
	u.noSecrets(t)
	u.noComplaints(t)
}

// Checks are all of them, in the order in which they are made.
func Checks() []Check {
	return []Check{
		{Name: "describes itself", Vital: true, run: checkDescription},
		{Name: "lists its accounts", Vital: true, run: checkList},
		{Name: "lists names letter for letter", run: checkRoundTrip},
		{Name: "has nothing to do in a second run", run: checkSecondRun},
		{Name: "may be asked twice", run: checkRepeat},
		{Name: "knows no strangers", run: checkStranger},
		{Name: "refuses unknown rights", Skip: noUnknownRight, run: checkNoRight},
		{Name: "takes hostile names for names", run: checkHostile},
		{Name: "stops when told to while listing", run: checkBreak},
		{Name: "stops when cancelled", run: checkCancelled},
		{Name: "works in parallel on different accounts", run: checkParallel},
		{Name: "leaves bystanders alone", run: checkBystanders},
		{Name: "reads one account as it lists it", Skip: noReader, run: checkReader},
		{Name: "does the same in a batch", Skip: noBatcher, run: checkBatch},
		{Name: "creates, suspends, resumes and deletes", Skip: noCreator, run: checkLifecycle},
		{Name: "creates no account twice", Skip: noCreator, run: checkCreateTwice},
		{Name: "updates in place", Skip: noUpdater, run: checkUpdate},
		{Name: "survives lost answers", Skip: noFaults, run: checkLostAnswer},
		{Name: "believes no lie", Skip: noLie, run: checkLie},
		{Name: "never takes a part for the whole", Skip: noFaults, run: checkPartialList},
		{Name: "comes back when nobody answers", Skip: noSilence, run: checkSilence},
		{Name: "knows when nobody is there", Skip: noWire, run: checkNobody},
		{Name: "waits when a program is busy", Skip: noHTTP, run: checkThrottle},
		{Name: "follows nobody to a page to sign in", Skip: noHTTP, run: checkRedirect},
		{Name: "takes no page for people for an answer", Skip: noHTTP, run: checkHTML},
		{Name: "takes no empty answer for an empty list", Skip: noHTTP, run: checkEmpty},
		{Name: "misses no page", Skip: noPages, run: checkPages},
		{Name: "waits for reads that are behind", Skip: noHTTP, run: checkBehind},
		{Name: "says nothing when broken", Skip: noBroken, run: checkBroken},
	}
}

func noUnknownRight(u *Subject) string {
	return unless(u.NoRight != "", "no name is known that is no right there")
}

func noReader(u *Subject) string {
	_, ok := u.Connector.(engine.Reader)
	return unless(ok, "it reads no single account")
}

func noBatcher(u *Subject) string {
	_, ok := u.Connector.(engine.Batcher)
	return unless(ok, "it does not take changes in batches")
}

func noCreator(u *Subject) string {
	return unless(u.creates(), "it does not create accounts")
}

func noUpdater(u *Subject) string {
	d, ok := u.Connector.(engine.Describer)
	if !ok {
		return "it does not change accounts"
	}
	description, err := d.Describe(context.Background())
	return unless(err != nil || description.Rename && u.creates(), "it does not change accounts in place, or creates none")
}

func noFaults(u *Subject) string {
	if u.Arm == nil && u.Wire != nil {
		return noWire(u)
	}
	return unless(u.Arm != nil, "nothing stands between Rolecall and the program that could go wrong on purpose")
}

func noLie(u *Subject) string {
	return unless(u.arm(Lie), "nothing can make the program say that it did what it did not")
}

func noBroken(u *Subject) string {
	return unless(len(u.Broken) > 0, "nothing is known that would break it, such as a wrong secret")
}

func unless(fine bool, why string) string {
	if fine {
		return ""
	}
	return why
}

// hear remembers what the connector said, for the search for secrets.
func (u *Subject) hear(err error) {
	if err != nil {
		u.mu.Lock()
		u.texts = append(u.texts, fmt.Sprintf("%v %+v %#v", err, err, err))
		u.mu.Unlock()
	}
}

// LeastSecret is the length of the shortest secret that is looked for: a shorter one is in many a word by chance.
const LeastSecret = 6

func (u *Subject) noSecrets(t T) {
	t.Helper()
	for _, text := range u.texts {
		for _, secret := range u.Secrets {
			if len(secret) >= LeastSecret && strings.Contains(text, secret) {
				t.Errorf("an error tells the secret: %s", strings.ReplaceAll(text, secret, "[secret]"))
			}
		}
	}
}

// noComplaints: what a plug-in does besides answering counts, too.
func (u *Subject) noComplaints(t T) {
	t.Helper()
	if c, ok := u.Connector.(Complainer); ok {
		for _, text := range c.Complaints() {
			t.Errorf("%s", text)
		}
	}
}

// do makes one call; a panic is an unknown effect, as in the engine.
func (u *Subject) do(ctx context.Context, c engine.Call) (outcome engine.Outcome, err error) {
	u.note()
	defer func() {
		if p := recover(); p != nil {
			outcome, err = engine.Uncertain, fmt.Errorf("the connector failed: %v", p)
		}
	}()
	call := u.Connector.Revoke
	if c.Grant {
		call = u.Connector.Grant
	}
	outcome, err = call(ctx, c.Account, c.Entitlement)
	u.hear(err)
	return outcome, err
}

// want makes one call and compares the outcome, and whether it comes with an error: only Done and Already have none.
func (u *Subject) want(t T, c engine.Call, want ...engine.Outcome) {
	t.Helper()
	outcome, err := u.do(context.Background(), c)
	if !slices.Contains(want, outcome) {
		t.Errorf("%s gives %q (%v), want %q", show(c), outcome, err, want)
	}
	if good := outcome == engine.Done || outcome == engine.Already; good != (err == nil) {
		t.Errorf("%s: %s comes with the error %v", show(c), outcome, err)
	}
}

func show(c engine.Call) string {
	verb := "revoke"
	if c.Grant {
		verb = "grant"
	}
	return fmt.Sprintf("%s %q to %q", verb, c.Entitlement, c.Account)
}

// note says that something may have changed.
func (u *Subject) note() {
	u.mu.Lock()
	u.wrote = true
	u.mu.Unlock()
}

// settle waits until lists must show what was written, as the connector declares.
func (u *Subject) settle(ctx context.Context) {
	u.mu.Lock()
	wait := u.wrote && u.lag > 0
	u.wrote = false
	u.mu.Unlock()
	if !wait {
		return
	}
	lag := time.NewTimer(u.lag)
	defer lag.Stop()
	select {
	case <-lag.C:
	case <-ctx.Done():
	}
}

// list reads everything; a read that is not complete is fatal.
func (u *Subject) list(t T) []engine.Holding {
	t.Helper()
	out, proof, err := u.tryList(context.Background())
	for tries := 2; tries > 0 && u.shaken && (err != nil || !proof.Complete()); tries-- {
		out, proof, err = u.tryList(context.Background())
	}
	u.shaken = false
	if err != nil || !proof.Complete() {
		t.Fatalf("the list is not complete: %v %v", err, proof.Reasons)
	}
	if proof.Source == "" || proof.Count != len(out) || proof.Started.IsZero() || proof.Finished.Before(proof.Started) {
		t.Errorf("the proof does not fit %d holdings: %+v", len(out), proof)
	}
	return out
}

func (u *Subject) tryList(ctx context.Context) ([]engine.Holding, engine.Proof, error) {
	u.settle(ctx)
	var out []engine.Holding
	proof, err := u.Connector.Holdings(ctx, func(h engine.Holding) error {
		out = append(out, h)
		return nil
	})
	if err == nil && proof.Complete() && u.there == nil {
		u.there = map[string]bool{}
		for _, h := range out {
			u.there[h.Account] = true
		}
	}
	u.hear(err)
	for _, r := range proof.Reasons {
		u.hear(errors.New(r.Detail))
	}
	return out, proof, err
}

// state is what is held, in a form to compare: sorted, with canonical names.
func (u *Subject) state(t T) []string {
	t.Helper()
	return u.text(t, u.list(t))
}

func (u *Subject) text(t T, holdings []engine.Holding) []string {
	t.Helper()
	out := make([]string, 0, len(holdings))
	for _, h := range holdings {
		out = append(out, line(grant(h.Account, h.Entitlement)))
	}
	slices.Sort(out)
	for i := 1; i < len(out); i++ {
		if out[i] == out[i-1] {
			t.Errorf("listed twice: %s", out[i])
		}
	}
	return out
}

func line(c engine.Call) string { return fmt.Sprintf("%q holds %q", c.Account, c.Entitlement) }

// after is a state with some holdings more and some less.
func after(state []string, calls ...engine.Call) []string {
	out := slices.Clone(state)
	for _, c := range calls {
		out = slices.DeleteFunc(out, func(s string) bool { return s == line(c) })
		if c.Grant {
			out = append(out, line(c))
		}
	}
	slices.Sort(out)
	return out
}

// same names what is missing and what is too much; both lists are sorted. What is missing may be lost, and is written down nowhere
// else, so it is named in full.
func same(t T, what string, want, got []string) {
	t.Helper()
	missing, more := without(want, got), without(got, want)
	if len(missing)+len(more) > 0 {
		t.Errorf("%s: missing %s; too much %s", what, few(missing, 1000), few(more, 5))
	}
}

// without gives what is in list and not in other, as often as it is.
func without(list, other []string) (out []string) {
	n := map[string]int{}
	for _, s := range other {
		n[s]++
	}
	for _, s := range list {
		if n[s]--; n[s] < 0 {
			out = append(out, s)
		}
	}
	return out
}

func few(list []string, most int) string {
	switch {
	case len(list) == 0:
		return "nothing"
	case len(list) > most:
		return fmt.Sprintf("%s and %d more", strings.Join(list[:most], ", "), len(list)-most)
	}
	return strings.Join(list, ", ")
}
