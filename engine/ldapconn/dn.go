package ldapconn

import (
	"fmt"
	"slices"
	"strings"

	"github.com/go-ldap/ldap/v3"
)

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
func NormalizeDN(dn string) (string, error) { return FoldDN(dn, lowerCase) }

// FoldDN is NormalizeDN with another form for values. fold must be lower case
// for printable ASCII with single inner spaces.
func FoldDN(dn string, fold func(value string) (string, error)) (string, error) {
	if isPlainDN(dn) {
		return strings.ToLower(dn), nil
	}
	return foldParsed(dn, fold)
}

func foldParsed(dn string, fold func(value string) (string, error)) (string, error) {
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
			value, err := fold(a.Value)
			if err != nil {
				return "", fmt.Errorf("DN %q: part %d: %w", dn, i+1, err)
			}
			parts[j] = strings.ToLower(a.Type) + "=" + ldap.EscapeDN(value)
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

// lowerCase follows the insignificant space handling of RFC 4518 section
// 2.6.1, by which a value of spaces only is one space.
func lowerCase(v string) (string, error) {
	words := strings.FieldsFunc(v, func(r rune) bool { return r == ' ' })
	if len(words) == 0 {
		return " ", nil
	}
	return strings.ToLower(strings.Join(words, " ")), nil
}

// mustEscape are the characters that a value never holds without a backslash.
const mustEscape = `"+,;<>\`

// isPlainDN reports whether lower case is all that dn needs; most are so, and
// a directory has a great many of them.
func isPlainDN(dn string) bool {
	inValue, last := false, byte(',')
	for i := 0; i < len(dn); i++ {
		b := dn[i]
		switch {
		case isAlphanumeric(b): // nearly all
		case b == '\\' && inValue && i+1 < len(dn) && strings.IndexByte(mustEscape, dn[i+1]) >= 0: // Smith\, Ann
			i++
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
		case b == '-', b == '.', inValue && b > ' ' && b <= '~' && b != '#' && strings.IndexByte(mustEscape, b) < 0:
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
