package directory

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/ldapconn"
)

// recency is how recent the servers were that a read asked. Each search may meet another server, since one that fails is
// passed over, so each asks on its own connection, and the read is as recent as the oldest of them.
type recency struct {
	asked bool
	mark  string // the oldest one, "" if the server that showed people told none
	err   error  // why some server does not say
}

// read reads entries from one server after another; start is called for each attempt.
func (d *ldapDirectory) read(ctx context.Context, r ldapconn.Request, of *recency, start func() func(*ldapconn.Entry) error) error {
	var one recency
	r.First = func(ctx context.Context, conn *ldapconn.Conn) (err error) {
		one, err = d.ask(ctx, conn) // before the entries: they are at least as new as it says
		return err
	}
	_, err := d.client.Read(ctx, r, start)
	of.add(one)
	return err
}

func (r *recency) add(one recency) {
	if !r.asked || engine.OlderMark(one.mark, r.mark) {
		r.mark = one.mark
	}
	if r.asked = true; r.err == nil {
		r.err = one.err
	}
}

// ask asks a server for its mark. That it does not say is worth no more than a notice; the error is that it can't be asked
// anything more.
func (d *ldapDirectory) ask(ctx context.Context, conn *ldapconn.Conn) (recency, error) {
	mark, err := d.mark(ctx, conn)
	var inc *ldapconn.Incomplete
	if errors.As(err, &inc) && !inc.Has(ldapconn.NotVisible) && !inc.Has(ldapconn.Refused) {
		return recency{}, err
	}
	return recency{mark: mark, err: err}, nil
}

// mark is in the form of engine.OlderMark: OpenLDAP tells it by the contextCSN of the suffix (which it keeps when it
// replicates), Active Directory by the highest committed USN of the domain controller. "" without an error means that this
// server has no such mark.
func (d *ldapDirectory) mark(ctx context.Context, conn *ldapconn.Conn) (string, error) {
	switch d.profile.Name {
	case "ad":
		return usnMark(ctx, conn)
	case "openldap":
		return csnMark(ctx, conn, d.cfg.People.Base)
	}
	return "", nil
}

func csnMark(ctx context.Context, conn *ldapconn.Conn, base string) (string, error) {
	dse, err := conn.RootDSE(ctx)
	if err != nil {
		return "", err
	}
	for _, suffix := range dse.NamingContexts {
		if !ldapconn.IsBelow(canonDN(base), canonDN(suffix)) {
			continue
		}
		e, err := conn.Get(ctx, suffix, "contextCSN")
		if err != nil {
			return "", err
		}
		csns := e.Values("contextCSN")
		if len(csns) == 0 {
			return "", nil
		}
		slices.Sort(csns)
		return "csn:" + strings.Join(csns, ";"), nil
	}
	return "", fmt.Errorf("no naming context holds %s", base)
}

// usnMark names the domain controller by its invocation id, which changes when it is restored ([MS-ADTS] 3.1.1.1.9).
func usnMark(ctx context.Context, conn *ldapconn.Conn) (string, error) {
	root, err := conn.Get(ctx, "", "highestCommittedUSN", "dsServiceName")
	if err != nil {
		return "", err
	}
	if root.Get("highestCommittedUSN") == "" || root.Get("dsServiceName") == "" {
		return "", errors.New("the root entry shows neither highestCommittedUSN nor dsServiceName")
	}
	service, err := conn.Get(ctx, root.Get("dsServiceName"), "invocationId")
	if err != nil {
		return "", err
	}
	return "usn:" + hex.EncodeToString([]byte(service.Get("invocationId"))) + ":" + root.Get("highestCommittedUSN"), nil
}
