package ldapgroup

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/go-ldap/ldap/v3"
	"github.com/rolecall/rolecall/engine/ldapconn"
)

// strangerPrefix starts the account of a member that is no person of the directory; its normalised DN follows.
const strangerPrefix = "dn:"

func (p *Program) isGUID() bool { return strings.EqualFold(p.dir.Key, "objectGUID") }

// keyText gives the key as it is known elsewhere.
func (p *Program) keyText(value string) string {
	if p.isGUID() {
		if text := ldapconn.GUIDText(value); text != "" {
			return text
		}
	}
	return strings.Clone(value)
}

// keyFilter finds the entry of one key; ok is false for what can't be a key.
func (p *Program) keyFilter(account string) (filter string, ok bool) {
	if account == "" || strings.TrimSpace(account) != account {
		return "", false
	}
	if !p.isGUID() {
		if strings.EqualFold(p.dir.Key, "entryUUID") && !uuid.MatchString(account) {
			return "", false
		}
		return "(" + p.dir.Key + "=" + ldap.EscapeFilter(account) + ")", true
	}
	octets, ok := ldapconn.GUIDOctets(account)
	if !ok {
		return "", false
	}
	var escaped strings.Builder
	for _, b := range []byte(octets) {
		fmt.Fprintf(&escaped, `\%02x`, b)
	}
	return "(" + p.dir.Key + "=" + escaped.String() + ")", true
}

// uuid is the form of RFC 4122 in lower case, as it is listed.
var uuid = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)
