package directory

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rolecall/rolecall/engine/ldapconn"
)

// Caps on what one value, one attribute and one file entry may bring. A value beyond them makes the attribute unknown;
// an entry beyond them can't be read.
const (
	maxValue  = 64 << 10  // bytes of one declared value
	maxValues = 1000      // values of one declared attribute of a person
	maxEntry  = 256 << 20 // bytes of one LDIF entry: a group of a million members is about 80 MB
	maxRow    = 4 << 20   // bytes of one CSV row
)

// entry is what any source shows of one thing, before anything is made of it.
type entry struct {
	place string // for people to read: a DN or file:line
	dn    string // as the source spells it, "" where entries have none
	attrs []raw
}

// raw is one attribute as the source shows it.
type raw struct {
	name   string // lower case
	values []string
	bad    string // why the values can't be used, "" if they can
}

func (e *entry) get(name string) raw {
	for i := range e.attrs {
		if strings.EqualFold(e.attrs[i].name, name) {
			return e.attrs[i]
		}
	}
	return raw{name: name}
}

// text turns the values that directories keep as 16 bytes into the text that people know, and leaves all others alone
// (entryUUID: RFC 4530 section 2.1).
func text(source, v string) string {
	switch {
	case len(v) != 16:
		return v
	case strings.EqualFold(source, "objectGUID"):
		return ldapconn.GUIDText(v)
	case strings.EqualFold(source, "entryUUID"):
		return ldapconn.UUIDText([]byte(v))
	}
	return v
}

// canonical gives the values in canonical form, sorted out of empty and equal ones. problem says why they can't be used.
func (r raw) canonical(fold bool) (values []string, problem string) {
	if r.bad != "" {
		return nil, r.bad
	}
	if len(r.values) > maxValues {
		return nil, fmt.Sprintf("%d values, more than %d", len(r.values), maxValues)
	}
	form := plain
	if fold {
		form = folded
	}
	for _, v := range r.values {
		if len(v) > maxValue {
			return nil, fmt.Sprintf("a value of %d bytes, more than %d", len(v), maxValue)
		}
		v, err := form(text(r.name, v))
		if err != nil {
			return nil, err.Error()
		}
		if v != "" && !slices.Contains(values, v) {
			values = append(values, v)
		}
	}
	return values, ""
}
