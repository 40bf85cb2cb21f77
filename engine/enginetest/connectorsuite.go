package enginetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rolecall/rolecall/engine"
)

// ConnectorUnderTest is a program that nothing was done to yet, with its connector.
type ConnectorUnderTest struct {
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

	mu    sync.Mutex
	texts []string // everything the connector said
}

// ConnectorSuite is the specification of a connector. fresh makes a new program for each check, or empties the one
// there is; what it needs to end belongs to the test it is given.
func ConnectorSuite(t *testing.T, fresh func(t *testing.T) *ConnectorUnderTest) {
	for _, check := range connectorChecks() {
		t.Run(check.name, func(t *testing.T) {
			u := fresh(t)
			u.complete(t)
			check.run(t, u)
			u.noSecrets(t)
		})
	}
}

type connectorCheck struct {
	name string
	run  func(t testing.TB, u *ConnectorUnderTest)
}

func connectorChecks() []connectorCheck {
	return []connectorCheck{
		{"describes itself", checkDescription},
		{"lists names letter for letter", checkRoundTrip},
		{"may be asked twice", checkRepeat},
		{"knows no strangers", checkStranger},
		{"refuses unknown rights", checkNoRight},
		{"takes hostile names for names", checkHostile},
		{"stops when told to while listing", checkBreak},
		{"stops when cancelled", checkCancelled},
		{"works in parallel on different accounts", checkParallel},
		{"leaves bystanders alone", checkBystanders},
		{"reads one account as it lists it", checkReader},
		{"does the same in a batch", checkBatch},
		{"creates, suspends, resumes and deletes", checkLifecycle},
		{"creates no account twice", checkCreateTwice},
		{"updates in place", checkUpdate},
		{"survives lost answers", checkLostAnswer},
		{"believes no lie", checkLie},
		{"never takes a part for the whole", checkPartialList},
		{"says nothing when broken", checkBroken},
	}
}

func (u *ConnectorUnderTest) complete(t testing.TB) {
	t.Helper()
	if len(u.Accounts) < 3 || len(u.Rights) < 2 || u.Stranger == "" {
		t.Fatal("the suite needs three accounts, two rights and a stranger")
	}
}

// hear remembers what the connector said, for the search for secrets.
func (u *ConnectorUnderTest) hear(err error) {
	if err != nil {
		u.mu.Lock()
		u.texts = append(u.texts, fmt.Sprintf("%v %+v %#v", err, err, err))
		u.mu.Unlock()
	}
}

func (u *ConnectorUnderTest) noSecrets(t testing.TB) {
	t.Helper()
	for _, text := range u.texts {
		for _, secret := range u.Secrets {
			if strings.Contains(text, secret) {
				t.Errorf("an error tells the secret: %s", text)
			}
		}
	}
}

func (u *ConnectorUnderTest) do(ctx context.Context, c engine.Call) (engine.Outcome, error) {
	call := u.Connector.Revoke
	if c.Grant {
		call = u.Connector.Grant
	}
	outcome, err := call(ctx, c.Account, c.Entitlement)
	u.hear(err)
	return outcome, err
}

// want makes one call and compares the outcome, and whether it comes with an error: only Done and Already have none.
func (u *ConnectorUnderTest) want(t testing.TB, c engine.Call, want ...engine.Outcome) {
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

// list reads everything; a read that is not complete is fatal.
func (u *ConnectorUnderTest) list(t testing.TB) []engine.Holding {
	t.Helper()
	out, proof, err := u.tryList(context.Background())
	if err != nil || !proof.Complete() {
		t.Fatalf("the list is not complete: %v %v", err, proof.Reasons)
	}
	if proof.Source == "" || proof.Count != len(out) || proof.Started.IsZero() || proof.Finished.Before(proof.Started) {
		t.Errorf("the proof does not fit %d holdings: %+v", len(out), proof)
	}
	return out
}

func (u *ConnectorUnderTest) tryList(ctx context.Context) ([]engine.Holding, engine.Proof, error) {
	var out []engine.Holding
	proof, err := u.Connector.Holdings(ctx, func(h engine.Holding) error {
		out = append(out, h)
		return nil
	})
	u.hear(err)
	for _, r := range proof.Reasons {
		u.hear(errors.New(r.Detail))
	}
	return out, proof, err
}

// state is what is held, in a form to compare: sorted, with canonical names.
func (u *ConnectorUnderTest) state(t testing.TB) []string {
	t.Helper()
	return u.text(t, u.list(t))
}

func (u *ConnectorUnderTest) text(t testing.TB, holdings []engine.Holding) []string {
	t.Helper()
	out := make([]string, 0, len(holdings))
	for _, h := range holdings {
		out = append(out, fmt.Sprintf("%q holds %q", h.Account, h.Entitlement))
	}
	slices.Sort(out)
	for i := 1; i < len(out); i++ {
		if out[i] == out[i-1] {
			t.Errorf("listed twice: %s", out[i])
		}
	}
	return out
}

// after is a state with some holdings more and some less.
func after(state []string, calls ...engine.Call) []string {
	out := slices.Clone(state)
	for _, c := range calls {
		line := fmt.Sprintf("%q holds %q", c.Account, c.Entitlement)
		out = slices.DeleteFunc(out, func(s string) bool { return s == line })
		if c.Grant {
			out = append(out, line)
		}
	}
	slices.Sort(out)
	return out
}

func same(t testing.TB, what string, want, got []string) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}
