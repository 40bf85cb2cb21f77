package directory

import (
	"github.com/rolecall/rolecall/engine/ldapconn"
)

// canonDN brings a DN into the form in which two names of one entry are equal. Text that is no DN comes back folded, and
// matches nothing but itself.
func canonDN(dn string) string {
	if canon, err := ldapconn.FoldDN(dn, folded); err == nil {
		return canon
	}
	return canonOr(dn)
}

// parentDN is the DN without its first RDN.
func parentDN(dn string) string {
	for i := 0; i < len(dn); i++ {
		switch dn[i] {
		case '\\':
			i++
		case ',':
			return dn[i+1:]
		}
	}
	return ""
}
