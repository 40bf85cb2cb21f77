package ldapconn

import (
	"slices"
	"strings"
)

// Entry is one directory entry as the server sent it. All its strings share
// one allocation: who keeps only a few of them clones those (strings.Clone).
type Entry struct {
	DN         string
	Attributes []Attribute // in the server's order
}

// Attribute is an attribute description, options included, and its values.
// Values are octets and need not be text.
type Attribute struct {
	Name   string
	Values []string
}

// Values returns all values of the attribute, whose name is compared without
// regard to case; nil if the entry does not have it.
func (e *Entry) Values(name string) []string {
	for i := range e.Attributes {
		if strings.EqualFold(e.Attributes[i].Name, name) {
			return e.Attributes[i].Values
		}
	}
	return nil
}

// Get returns the first value of the attribute, or "".
func (e *Entry) Get(name string) string {
	if values := e.Values(name); len(values) > 0 {
		return values[0]
	}
	return ""
}

// Has reports whether the attribute is there, perhaps without values.
func (e *Entry) Has(name string) bool {
	return slices.ContainsFunc(e.Attributes, func(a Attribute) bool { return strings.EqualFold(a.Name, name) })
}
