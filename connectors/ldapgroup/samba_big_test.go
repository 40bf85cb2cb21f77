package ldapgroup_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/rolecall/rolecall/engine"
)

// testBigGroup: of a group of more members than Active Directory shows at once (1,500) all are read; one is added and
// taken as a difference, and nobody else is touched by it.
func testBigGroup(t *testing.T, c *company) {
	const members = 1600
	var ldif, group strings.Builder
	fmt.Fprintf(&group, "dn: cn=big,ou=groups,%s\nobjectClass: group\nsAMAccountName: big-of-1600\n", c.base)
	for i := range members {
		fmt.Fprintf(&ldif, "dn: cn=Contact %d,ou=people,%s\nobjectClass: contact\n\n", i, c.base)
		fmt.Fprintf(&group, "member: cn=Contact %d,ou=people,%s\n", i, c.base)
	}
	c.modify(t, ldif.String()+group.String())
	w := &wire{}
	p := c.open(t, c.client(t, w.dial, c.admin.Password), map[string]string{"big": "cn=big,ou=groups," + c.base})
	in := func(want int) map[string]bool {
		t.Helper()
		held, proof := list(t, p)
		big := map[string]bool{}
		for _, h := range held {
			if account, ok := strings.CutSuffix(h, " big"); ok {
				big[account] = true
			}
		}
		if len(big) != want || !proof.Complete() {
			t.Fatalf("%d members, %+v", len(big), proof)
		}
		return big
	}
	before := in(members)
	c.inRanges(t, w, members)
	ann := c.keyOf(t, people[0])
	if outcome, err := p.Grant(t.Context(), ann, "big"); outcome != engine.Done {
		t.Fatal(outcome, err)
	}
	after := in(members + 1)
	for account := range before {
		if !after[account] {
			t.Errorf("%s was lost by a grant to somebody else", account)
		}
	}
	if !after[ann] {
		t.Error("ann is not read back")
	}
	if outcome, err := p.Revoke(t.Context(), ann, "big"); outcome != engine.Done {
		t.Fatal(outcome, err)
	}
	for account := range in(members) {
		if !before[account] {
			t.Errorf("%s has appeared", account)
		}
	}
	if w.longest() > 1000 { // bytes; a list of 1,600 names would be a hundred times that
		t.Errorf("a change of one member took %d bytes", w.longest())
	}
}

// inRanges reads the group as Active Directory would show it. Samba gives ranges only to who begins with one, and all the
// members otherwise.
func (c *company) inRanges(t *testing.T, w *wire, want int) {
	t.Helper()
	conn, err := c.client(t, w.dial, c.admin.Password).Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	e, err := conn.Get(t.Context(), "cn=big,ou=groups,"+c.base, "member;range=0-1499")
	if err != nil || len(e.Values("member")) != want {
		t.Errorf("%d members by ranges, %v", len(e.Values("member")), err)
	}
	if got := w.read(); !strings.Contains(got, "member;range=0-1499") || !strings.Contains(got, "member;range=1500-*") {
		t.Error("the server did not part its answer, so that nothing was tried")
	}
}

// wire keeps what came over connections, and the size of the longest request to modify.
type wire struct {
	mu     sync.Mutex
	came   bytes.Buffer
	modify int
}

func (w *wire) dial(ctx context.Context, network, address string) (net.Conn, error) {
	c, err := new(net.Dialer).DialContext(ctx, network, address)
	return &tapped{c, w}, err
}

func (w *wire) read() string { w.mu.Lock(); defer w.mu.Unlock(); return w.came.String() }

func (w *wire) longest() int { w.mu.Lock(); defer w.mu.Unlock(); return w.modify }

type tapped struct {
	net.Conn
	wire *wire
}

func (c *tapped) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.wire.mu.Lock()
	defer c.wire.mu.Unlock()
	c.wire.came.Write(p[:n])
	return n, err
}

func (c *tapped) Write(p []byte) (int, error) {
	if id := bytes.IndexByte(p, 0x02); id >= 0 && id+2+int(p[id+1]) < len(p) && p[id+2+int(p[id+1])] == modifyRequest {
		c.wire.mu.Lock()
		c.wire.modify = max(c.wire.modify, len(p))
		c.wire.mu.Unlock()
	}
	return c.Conn.Write(p)
}
