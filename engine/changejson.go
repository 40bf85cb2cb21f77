package engine

import (
	"encoding/json"
	"strconv"
)

// appendJSON appends what json makes of a change. It is written by hand, since each plan hashes each of its changes; a test sees to it
// that no field is left out.
func (c *Change) appendJSON(out []byte) []byte {
	o := object(append(out, '{'))
	o.text("op", string(c.Op))
	o.some("person", c.Person)
	o.some("login", c.Login)
	o.some("name", c.Name)
	o.text("account", c.Account)
	if c.Proposed {
		o.name("proposed")
		o = append(o, "true"...)
	}
	o.text("program", c.Program)
	o.text("entitlement", c.Entitlement)
	o.texts("why", c.Why)
	if len(c.Rules) > 0 {
		o.texts("rules", c.Rules)
	}
	o.text("cause", string(c.Cause))
	o.text("state", string(c.State))
	o.some("reason", c.Reason)
	o.any("due", c.Due, c.Due != nil)
	o.some("item", c.Item)
	o.number("queued", c.Queued)
	o.number("failures", int64(c.Failures))
	o.account("new", c.New)
	if len(c.Seats) > 0 {
		o.texts("seats", c.Seats)
	}
	if len(c.Costs) > 0 {
		o.any("costs", c.Costs, true)
	}
	return append(o, '}')
}

// object is a JSON object, up to its last field.
type object []byte

func (o *object) name(name string) {
	if (*o)[len(*o)-1] != '{' {
		*o = append(*o, ',')
	}
	*o = append(append(append(*o, '"'), name...), `":`...)
}

func (o *object) text(name, value string) {
	o.name(name)
	*o = appendText(*o, value)
}

// some is a text unless that is empty.
func (o *object) some(name, value string) {
	if value != "" {
		o.text(name, value)
	}
}

func (o *object) number(name string, n int64) {
	if n != 0 {
		o.name(name)
		*o = strconv.AppendInt(*o, n, 10)
	}
}

func (o *object) texts(name string, list []string) {
	o.name(name)
	if list == nil {
		*o = append(*o, "null"...)
		return
	}
	*o = append(*o, '[')
	for i, s := range list {
		if i > 0 {
			*o = append(*o, ',')
		}
		*o = appendText(*o, s)
	}
	*o = append(*o, ']')
}

func (o *object) account(name string, n *NewAccount) {
	if n == nil {
		return
	}
	o.name(name)
	*o = append(*o, '{')
	o.text("Name", n.Name)
	o.text("Person", n.Person)
	if n.Attributes == nil {
		*o = append(*o, `,"Attributes":null}`...)
		return
	}
	o.any("Attributes", n.Attributes, true)
	*o = append(*o, '}')
}

// any is what is rare.
func (o *object) any(name string, value any, is bool) {
	if is {
		o.name(name)
		*o = append(*o, mustJSON(value)...)
	}
}

// appendText leaves to json what needs an escape, or may.
func appendText(out []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			text, err := json.Marshal(s)
			if err != nil {
				panic(err)
			}
			return append(out, text...)
		}
	}
	return append(append(append(out, '"'), s...), '"')
}
