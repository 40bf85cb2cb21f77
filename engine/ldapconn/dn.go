package ldapconn

import (
	"fmt"
	"slices"
	"strings"

	"github.com/go-ldap/ldap/v3"
)

// EscapeFilter makes a value safe within a filter (RFC 4515 section 3): the
// shape of the filter no longer depends on it.
func EscapeFilter(value string) string { return ldap.EscapeFilter(value) }

// EscapeDN makes a value safe as the value of one RDN (RFC 4514 section 2.4).
func EscapeDN(value string) string { return ldap.EscapeDN(value) }

// CheckFilter reports mistakes in a filter (RFC 4515) without a server.
func CheckFilter(filter string) error {
	if _, err := ldap.CompileFilter(filter); err != nil {
		return fmt.Errorf("filter %q: %w", filter, err)
	}
	return nil
}

// NormalizeDN brings a DN into one canonical form, so that equal names are
// equal strings: lower case, single spaces, RDN parts sorted, RFC 4514
// escapes. Values are taken to ignore case, as those of all usual naming
// attributes do (RFC 4517 section 4.2.11).
func NormalizeDN(dn string) (string, error) {
	if isPlainDN(dn) {
		return strings.ToLower(dn), nil
	}
	parsed, err := ldap.ParseDN(dn)
	if err != nil {
		return "", fmt.Errorf("DN %q: %w", dn, err)
	}
	rdns := make([]string, len(parsed.RDNs))
	for i, rdn := range parsed.RDNs {
		parts := make([]string, len(rdn.Attributes))
		for j, a := range rdn.Attributes {
			if a.Value == "" || !isType(a.Type) {
				return "", fmt.Errorf("DN %q: part %d is not of the form type=value", dn, i+1)
			}
			parts[j] = strings.ToLower(a.Type) + "=" + EscapeDN(canonicalValue(a.Value))
		}
		slices.Sort(parts)
		rdns[i] = strings.Join(parts, "+")
	}
	return strings.Join(rdns, ","), nil
}

// isType reports whether name can be an attribute type (RFC 4512 section 1.4).
func isType(name string) bool {
	for i := range len(name) {
		if b := name[i]; !isAlphanumeric(b) && b != '-' && b != '.' {
			return false
		}
	}
	return name != ""
}

func isAlphanumeric(b byte) bool {
	return b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9'
}

// canonicalValue follows the insignificant space handling of RFC 4518 section
// 2.6.1, by which a value of spaces only is one space.
func canonicalValue(v string) string {
	words := strings.FieldsFunc(v, func(r rune) bool { return r == ' ' })
	if len(words) == 0 {
		return " "
	}
	return strings.ToLower(strings.Join(words, " "))
}

// isPlainDN reports whether lower case is all that dn needs; most are so, and
// a directory has a great many of them.
func isPlainDN(dn string) bool {
	inValue, last := false, byte(',')
	for i := range len(dn) {
		b := dn[i]
		switch {
		case b == '=' && !inValue:
			if last == ',' {
				return false
			}
			inValue = true
		case b == ',':
			if !inValue || last == '=' {
				return false
			}
			inValue = false
		case b == ' ':
			if !inValue || last == ' ' || last == '=' || i+1 == len(dn) || dn[i+1] == ',' {
				return false
			}
		case isAlphanumeric(b), b == '-', b == '.', inValue && (b == '@' || b == '_' || b == '='):
		default:
			return false
		}
		last = b
	}
	return inValue && last != '='
}

// IsBelow reports whether dn is base or lies below it; both are normalised.
func IsBelow(dn, base string) bool {
	if base == "" || dn == base {
		return true
	}
	front, found := strings.CutSuffix(dn, ","+base)
	if !found {
		return false
	}
	backslashes := len(front) - len(strings.TrimRight(front, `\`))
	return backslashes%2 == 0 // otherwise the comma belongs to a value
}
