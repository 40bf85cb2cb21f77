package ldapconn

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Active Directory gives at most 1,500 values of an attribute at a time and
// then names it `member;range=0-1499`; further ones are asked for by name
// (MS-ADTS section 3.1.1.3.1.3.3). `*` as the end marks the last part.

// hasRange reports whether some values of e are still unread.
func hasRange(e *Entry) bool {
	return slices.ContainsFunc(e.Attributes, func(a Attribute) bool { return isRanged(a.Name) })
}

func isRanged(name string) bool {
	_, _, _, ranged, _ := splitRange(name)
	return ranged
}

// splitRange takes a description apart: the name with its other options, the
// first value's number and the last one's, -1 for `*`.
func splitRange(name string) (base string, low, high int, ranged bool, err error) {
	if strings.IndexByte(name, ';') < 0 {
		return name, 0, 0, false, nil
	}
	options := strings.Split(name, ";")
	for i, option := range options {
		if len(option) < 6 || !strings.EqualFold(option[:6], "range=") {
			continue
		}
		base = strings.Join(append(options[:i:i], options[i+1:]...), ";")
		from, to, _ := strings.Cut(option[6:], "-")
		low, err = strconv.Atoi(from)
		if high = -1; err == nil && to != "*" {
			high, err = strconv.Atoi(to)
		}
		if err != nil || low < 0 || (high >= 0 && high < low) {
			err = rangeUnread(name, "the range is no range")
		}
		return base, low, high, true, err
	}
	return name, 0, 0, false, nil
}

// unrange reads every ranged attribute of e to its end and gives it its plain
// name; the empty plain attribute that accompanies it is dropped.
func (c *Conn) unrange(e *Entry) error {
	whole := map[string]bool{} // lower-case names that were ranged
	for i := range e.Attributes {
		a := &e.Attributes[i]
		if !isRanged(a.Name) {
			continue
		}
		complete, err := c.readRange(e.DN, *a)
		if err != nil {
			return err
		}
		*a = complete
		whole[strings.ToLower(a.Name)] = true
	}
	if len(whole) == 0 {
		return nil
	}
	kept := e.Attributes[:0]
	for _, a := range e.Attributes {
		if len(a.Values) > 0 || !whole[strings.ToLower(a.Name)] {
			kept = append(kept, a)
		}
	}
	e.Attributes = kept
	return nil
}

// readRange asks for part after part. Each must start where the one before
// ended and bring as many values as it says, so the loop ends.
func (c *Conn) readRange(dn string, part Attribute) (Attribute, error) {
	var values []string
	for {
		base, low, high, ranged, err := splitRange(part.Name)
		if err != nil {
			return part, err
		}
		if !ranged || low != len(values) || (high >= 0 && len(part.Values) != high-low+1) {
			return part, rangeUnread(dn, fmt.Sprintf("%s brings %d values where number %d is next", part.Name, len(part.Values), len(values)))
		}
		values = append(values, part.Values...)
		if high < 0 {
			return Attribute{Name: base, Values: values}, nil
		}
		if part, err = c.nextRange(dn, base, len(values)); err != nil {
			return part, err
		}
	}
}

// nextRange reads the values from number low on.
func (c *Conn) nextRange(dn, name string, low int) (Attribute, error) {
	e, err := c.base(dn, []string{fmt.Sprintf("%s;range=%d-*", name, low)})
	var refused *LDAPError
	var reason Reason
	if errors.As(err, &refused) || (errors.As(err, &reason) && reason.Code == NotVisible) {
		return Attribute{}, rangeUnread(dn, err.Error())
	}
	if err != nil { // a lost connection keeps its own name: it is worth another try
		return Attribute{}, err
	}
	if !strings.EqualFold(e.DN, dn) { // both as the server spells them
		return Attribute{}, rangeUnread(dn, fmt.Sprintf("the server answers with %q", e.DN))
	}
	for _, a := range e.Attributes {
		if base, _, _, ranged, _ := splitRange(a.Name); ranged && strings.EqualFold(base, name) {
			return a, nil
		}
	}
	return Attribute{}, rangeUnread(dn, fmt.Sprintf("no values of %s from number %d on", name, low))
}

func rangeUnread(what, why string) error {
	return Reason{RangeUnread, fmt.Sprintf("the values of %s could not be read to the end: %s", what, why)}
}
