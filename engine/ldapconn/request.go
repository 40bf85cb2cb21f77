package ldapconn

import (
	"context"
	"fmt"
	"time"

	"github.com/go-ldap/ldap/v3"
)

// Scope says how deep a search goes (RFC 4511 section 4.5.1.2).
type Scope int

// The scopes.
const (
	Base    Scope = 0 // the base entry itself
	One     Scope = 1 // its children
	Subtree Scope = 2 // the base and everything below
)

// ControlDomainScope keeps a search of Active Directory to this domain, hence no references to others.
const ControlDomainScope = "1.2.840.113556.1.4.1339"

// controlPaging is of RFC 2696; Search adds it by itself.
const controlPaging = "1.2.840.113556.1.4.319"

// Control is a request control (RFC 4511 section 4.1.11).
type Control struct {
	OID      string
	Critical bool
	Value    []byte
}

// Limits bound what one search may take; zero values mean the defaults.
type Limits struct {
	Pages        int           // default 1,000,000
	Entries      int           // default 20,000,000
	Bytes        int64         // of all messages; default 64 GiB
	MessageBytes int64         // of one message; default 64 MiB
	Time         time.Duration // for the whole search; default 1 h
}

// Request is one search.
type Request struct {
	Base       string
	Scope      Scope
	Filter     string   // RFC 4515; default (objectClass=*)
	Attributes []string // default all user attributes
	PageSize   int      // entries, 1..maxInt; default 1000, which is Active Directory's maximum
	Controls   []Control
	Limits     Limits

	// First is asked by Client.Read on the connection of each attempt, before
	// the search: what holds for that server alone, such as how recent it is.
	// Its error ends the attempt. nil: nothing.
	First func(ctx context.Context, conn *Conn) error
}

func (r Request) withDefaults() Request {
	if r.Filter == "" {
		r.Filter = "(objectClass=*)"
	}
	if r.PageSize <= 0 || r.PageSize > maxInt {
		r.PageSize = 1000
	}
	r.Limits.Pages = orDefault(r.Limits.Pages, 1_000_000)
	r.Limits.Entries = orDefault(r.Limits.Entries, 20_000_000)
	r.Limits.Bytes = orDefault(r.Limits.Bytes, 64<<30)
	r.Limits.MessageBytes = orDefault(r.Limits.MessageBytes, 64<<20)
	r.Limits.Time = orDefault(r.Limits.Time, time.Hour)
	return r
}

func orDefault[T int | int64 | time.Duration](value, normal T) T {
	if value <= 0 {
		return normal
	}
	return value
}

// encode builds the SearchRequest (RFC 4511 section 4.5.1). Aliases are not
// followed; size and time limits are ours to watch, so none are sent.
func (r Request) encode() ([]byte, error) {
	filter, err := ldap.CompileFilter(r.Filter)
	if err != nil {
		return nil, fmt.Errorf("ldap: filter %q: %w; escape values in it", r.Filter, err)
	}
	var names [][]byte
	for _, name := range r.Attributes {
		names = append(names, octets(tagOctetString, name))
	}
	return element(opSearchRequest,
		octets(tagOctetString, r.Base),
		integer(tagEnumerated, int(r.Scope)),
		integer(tagEnumerated, 0), // neverDerefAliases
		integer(tagInteger, 0),
		integer(tagInteger, 0),
		boolean(false),
		filter.Bytes(),
		element(tagSequence, names...),
	), nil
}

func (c Control) encode() []byte {
	parts := [][]byte{octets(tagOctetString, c.OID), boolean(c.Critical)}
	if c.Value != nil {
		parts = append(parts, element(tagOctetString, c.Value))
	}
	return element(tagSequence, parts...)
}

func encodeControls(controls []Control) []byte {
	var out []byte
	for _, c := range controls {
		out = append(out, c.encode()...)
	}
	return out
}

// pagingControl is critical: a server that cannot page must say so.
func pagingControl(size int, cookie string) Control {
	value := element(tagSequence, integer(tagInteger, size), octets(tagOctetString, cookie))
	return Control{OID: controlPaging, Critical: true, Value: value}
}

// pagingCookie finds the control of RFC 2696 among the controls of an answer.
func pagingCookie(controls string) (cookie string, found bool, err error) {
	for s := (scanner{controls}); !s.done(); {
		body, err := s.expect(tagSequence)
		if err != nil {
			return "", false, err
		}
		oid, value, err := parseControl(body)
		if err != nil {
			return "", false, err
		}
		if oid == controlPaging {
			cookie, err := parsePaging(value)
			return cookie, true, err
		}
	}
	return "", false, nil
}

func parseControl(body string) (oid, value string, err error) {
	s := scanner{body}
	if oid, err = s.expect(tagOctetString); err != nil {
		return "", "", err
	}
	if _, _, err = s.optional(tagBoolean); err != nil {
		return "", "", err
	}
	if value, _, err = s.optional(tagOctetString); err != nil {
		return "", "", err
	}
	return oid, value, s.end()
}

func parsePaging(value string) (cookie string, err error) {
	outer := scanner{value}
	body, err := outer.expect(tagSequence)
	if err != nil {
		return "", err
	}
	s := scanner{body}
	if _, err = s.number(tagInteger); err != nil { // the server's guess of the size
		return "", err
	}
	return s.expect(tagOctetString)
}
