package ldapgroup

import (
	"encoding/hex"
	"fmt"
	"regexp"
	"strings"

	"github.com/go-ldap/ldap/v3"
)

// strangerPrefix starts the account of a member that is no person of the directory; its normalised DN follows.
const strangerPrefix = "dn:"

// guidOrder is where the bytes of a GUID's text stand in its 16 octets: the first three groups are little-endian
// ([MS-DTYP] section 2.3.4.2).
var guidOrder = [16]int{3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15}

func (p *Program) isGUID() bool { return strings.EqualFold(p.dir.Key, "objectGUID") }

// keyText gives the key as it is known elsewhere.
func (p *Program) keyText(value string) string {
	if !p.isGUID() || len(value) != len(guidOrder) {
		return strings.Clone(value)
	}
	ordered := make([]byte, len(guidOrder))
	for i, from := range guidOrder {
		ordered[i] = value[from]
	}
	h := hex.EncodeToString(ordered)
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
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
	raw, err := hex.DecodeString(strings.ReplaceAll(account, "-", ""))
	if err != nil || !uuid.MatchString(account) {
		return "", false
	}
	var octets [16]byte
	for i, to := range guidOrder {
		octets[to] = raw[i]
	}
	var escaped strings.Builder
	for _, b := range octets {
		fmt.Fprintf(&escaped, `\%02x`, b)
	}
	return "(" + p.dir.Key + "=" + escaped.String() + ")", true
}

// uuid is the form of RFC 4122 in lower case, as it is listed.
var uuid = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)
