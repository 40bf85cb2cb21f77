package engine

import (
	"encoding/json"
	"strconv"
	"strings"
	"unicode/utf8"
)

// ProposedPrefix marks the account of a change while the program has not yet given it an id. The outcome of the create
// carries the id, and everything recorded under the proposed account moves to it. A program that lists such an account
// is refused as malformed.
const ProposedPrefix = "new:"

// ProposedName is the name in a proposed account; ok is false for an account that exists.
func ProposedName(account string) (name string, ok bool) {
	return strings.CutPrefix(account, ProposedPrefix)
}

// intentData is what an intent's record carries besides its own fields.
type intentData struct {
	Login string      `json:"login,omitempty"`
	Name  string      `json:"name,omitempty"`
	Item  string      `json:"item,omitempty"`
	From  string      `json:"source,omitempty"` // the person's directory, for its budget
	Fails int         `json:"failures,omitempty"`
	New   *NewAccount `json:"new,omitempty"`
	Seats []string    `json:"seats,omitempty"` // kinds that it takes
}

// IntentRecord makes the record that must be durable before the change may be tried. source is the person's directory.
func IntentRecord(run, actor, source string, c Change, class Class) Record {
	e := ParseEntitlement(c.Entitlement)
	data := mustJSON(intentData{Login: c.Login, Name: c.Name, Item: c.Item, From: source, Fails: c.Failures, New: c.New, Seats: c.Seats})
	return Record{
		Kind: KindIntent, Run: run, Actor: actor, Person: c.Person, Program: e.Program, Account: c.Account, Entitlement: e.Name,
		Op: c.Op, Cause: c.Cause, Class: class, Rules: c.Rules, Why: c.Why, Data: data, Approved: c.Item != "",
	}
}

// IntentOf is the inverse of IntentRecord; source is the person's directory.
func IntentOf(r Record) (i Intent, source string, err error) {
	d, err := parseIntentData(r.Data)
	if err != nil {
		return Intent{}, "", err
	}
	_, proposed := ProposedName(r.Account)
	c := Change{
		Op: r.Op, Person: r.Person, Login: d.Login, Name: d.Name, Account: r.Account, Proposed: proposed, Program: r.Program,
		Entitlement: Entitlement{r.Program, r.Entitlement}.String(), Why: r.Why, Rules: r.Rules, Cause: r.Cause, State: Ready, Item: d.Item, Failures: d.Fails, New: d.New, Seats: d.Seats,
	}
	return Intent{Seq: r.Seq, Run: r.Run, Time: r.Time, Change: c, Class: r.Class}, d.From, nil
}

// IntentSource is the directory that IntentOf would give, without the rest.
func IntentSource(r *Record) (source string, err error) {
	d, err := parseIntentData(r.Data)
	return d.From, err
}

// parseIntentData reads what json.Unmarshal would. Journals read millions of intents, so the usual form is read by hand:
// objects of known names with plain texts and numbers. Everything else is left to json.
func parseIntentData(data []byte) (d intentData, err error) {
	if quickIntentData(data, &d) {
		return d, nil
	}
	d = intentData{}
	return d, json.Unmarshal(data, &d)
}

func quickIntentData(data []byte, d *intentData) bool {
	if !utf8.Valid(data) {
		return false
	}
	rest, ok := quickObject(string(data), d.quickField)
	return ok && rest == ""
}

// quickObject cuts off a JSON object whose names have no escapes and no space between them; field takes one value off what
// follows its name.
func quickObject(text string, field func(name, value string) (rest string, ok bool)) (rest string, ok bool) {
	rest, ok = strings.CutPrefix(text, "{")
	if after, empty := strings.CutPrefix(rest, "}"); ok && empty {
		return after, true
	}
	for more := true; ok && more; {
		var name string
		if name, rest, ok = plainText(rest); !ok || !strings.HasPrefix(rest, ":") {
			return "", false
		}
		if rest, ok = field(name, rest[1:]); !ok || rest == "" {
			return "", false
		}
		more, ok, rest = rest[0] == ',', rest[0] == ',' || rest[0] == '}', rest[1:]
	}
	return rest, ok
}

func (d *intentData) quickField(name, value string) (rest string, ok bool) {
	var to *string
	switch name {
	case "login":
		to = &d.Login
	case "name":
		to = &d.Name
	case "item":
		to = &d.Item
	case "source":
		to = &d.From
	case "failures":
		d.Fails, rest, ok = plainNumber(value)
		return rest, ok
	case "new":
		if d.New != nil { // twice: json merges the two
			return "", false
		}
		d.New = &NewAccount{}
		return quickObject(value, d.New.quickField)
	default:
		return "", false
	}
	*to, rest, ok = plainText(value)
	return rest, ok
}

func (n *NewAccount) quickField(name, value string) (rest string, ok bool) {
	switch name {
	case "Name":
		n.Name, rest, ok = plainText(value)
	case "Person":
		n.Person, rest, ok = plainText(value)
	case "Attributes":
		if n.Attributes != nil {
			return "", false
		}
		if rest, ok = strings.CutPrefix(value, "null"); ok {
			return rest, true
		}
		n.Attributes = map[string]string{}
		return quickObject(value, func(attribute, value string) (rest string, ok bool) {
			n.Attributes[attribute], rest, ok = plainText(value)
			return rest, ok
		})
	}
	return rest, ok
}

// plainNumber cuts off a whole number without a sign.
func plainNumber(s string) (n int, rest string, ok bool) {
	end := strings.IndexAny(s, ",}")
	if end < 1 || end > 9 || s[0] < '1' && s[:end] != "0" || s[0] > '9' {
		return 0, "", false
	}
	n, err := strconv.Atoi(s[:end])
	return n, s[end:], err == nil
}

func plainText(s string) (text, rest string, ok bool) {
	if !strings.HasPrefix(s, `"`) {
		return "", "", false
	}
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			return s[1:i], s[i+1:], true
		case c == '\\' || c < ' ':
			return "", "", false
		}
	}
	return "", "", false
}
