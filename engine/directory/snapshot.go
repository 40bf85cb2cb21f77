package directory

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/rolecall/rolecall/engine/ldapconn"
)

// mark asks the server how recent it is, in the form of engine.OlderMark: OpenLDAP by the contextCSN of the suffix (which
// it keeps when it replicates), Active Directory by the highest committed USN of the domain controller. "" without an
// error means that this server has no such mark.
func (d *ldapDirectory) mark(ctx context.Context) (string, error) {
	conn, err := d.client.Connect(ctx)
	if err != nil {
		return "", err
	}
	defer conn.Close()
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
