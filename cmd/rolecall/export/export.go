// Package export writes records of the journal in the forms that other programs collect: OCSF, syslog (RFC 5424) and CEF, one
// line for each. Text from directories and programs is data: it can't end a line, a field or a value.
package export

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/rolecall/rolecall/cmd/rolecall/render"
	"github.com/rolecall/rolecall/engine"
)

// Entry is a record, and what it follows from.
type Entry struct {
	engine.Record
	Intent *engine.Record // of an outcome; nil: there is none, or it is not known
}

// Form writes an entry as a line, with its end; nil: the form has no place for it.
type Form func(Entry) ([]byte, error)

// Forms are the words for --format.
func Forms() []string { return []string{"ocsf", "syslog", "cef"} }

// FormOf finds a form.
func FormOf(word string) (Form, bool) {
	f, ok := map[string]Form{"ocsf": OCSF, "syslog": Syslog, "cef": CEF}[word]
	return f, ok
}

// about is the part of an intent's data that says who somebody is.
type about struct {
	Login string `json:"login"`
	Name  string `json:"name"`
}

// who is how the person of an entry was called when the change was decided.
func (e *Entry) who() (a about) {
	r := &e.Record
	if e.Intent != nil {
		r = e.Intent
	}
	if r.Kind == engine.KindIntent || r.Kind == engine.KindAdopt {
		_ = json.Unmarshal(r.Data, &a) // nobody's then
	}
	return a
}

// reason is why the change was made, and what came of it.
func (e *Entry) reason() (why, detail string) {
	why = strings.Join(e.Why, "; ")
	if e.Intent != nil {
		return strings.Join(e.Intent.Why, "; "), why
	}
	return why, ""
}

func (e *Entry) entitlement() string {
	if e.Program == "" || e.Op == "" && e.Entitlement == "" {
		return ""
	}
	return engine.Entitlement{Program: e.Program, Name: e.Entitlement}.String()
}

func (e *Entry) rules() string {
	if e.Intent != nil && len(e.Rules) == 0 {
		return strings.Join(e.Intent.Rules, ", ")
	}
	return strings.Join(e.Rules, ", ")
}

// wrong says that what should have happened did not.
func (e *Entry) wrong() bool {
	return e.Outcome == engine.Refused || e.Outcome == engine.Failed || e.Outcome == engine.Uncertain || e.Kind == engine.KindRefusal
}

// field is a name and a value.
type field struct{ name, value string }

// fields are what syslog and CEF have in common, without empty ones.
func (e *Entry) fields() (out []field) {
	a := e.who()
	why, detail := e.reason()
	of := ""
	if e.Of > 0 {
		of = strconv.FormatInt(e.Of, 10)
	}
	for _, f := range []field{{"seq", strconv.FormatInt(e.Seq, 10)}, {"kind", string(e.Kind)}, {"run", e.Run}, {"actor", e.Actor}, {"person", e.Person}, {"login", a.Login},
		{"name", a.Name}, {"program", e.Program}, {"account", e.Account}, {"entitlement", e.entitlement()}, {"op", string(e.Op)}, {"outcome", string(e.Outcome)}, {"of", of},
		{"cause", string(e.Cause)}, {"rules", e.rules()}, {"why", why}, {"detail", detail}, {"hash", e.Hash}} {
		if f.value != "" {
			out = append(out, field{f.name, render.Clean(f.value)})
		}
	}
	return out
}

// phrase is what happened, in words of this program only.
func (e *Entry) phrase() string {
	words := []string{string(e.Kind)}
	if e.Op != "" {
		words = append(words, string(e.Op))
	}
	if e.Outcome != "" {
		words = append(words, string(e.Outcome))
	}
	return strings.Join(words, " ")
}

// Syslog is RFC 5424: facility 13 (log audit), severity informational, or warning for what failed. The values are in one
// structured element, whose number is the one for examples (RFC 5612), since the project has none of its own; the message has
// words of this program only.
func Syslog(e Entry) ([]byte, error) {
	const audit, warning, informational = 13, 4, 6
	priority := audit*8 + informational
	if e.wrong() {
		priority = audit*8 + warning
	}
	var b strings.Builder
	fmt.Fprintf(&b, "<%d>1 %s - rolecall - %s [rolecall@32473", priority, e.Time.UTC().Format("2006-01-02T15:04:05.000000Z"), printable(string(e.Kind), 32))
	escape := strings.NewReplacer(`\`, `\\`, `"`, `\"`, `]`, `\]`)
	for _, f := range e.fields() {
		fmt.Fprintf(&b, " %s=\"%s\"", f.name, escape.Replace(f.value))
	}
	b.WriteString("] " + printable(e.phrase(), 200) + "\n")
	return []byte(b.String()), nil
}

// SyslogCheckpoint is a signed checkpoint as a message of RFC 5424. The note is in the structured element, as a text of JSON, for its lines
// and their ends are signed and collectors don't keep those.
func SyslogCheckpoint(at time.Time, records int64, note []byte) []byte {
	quoted, _ := json.Marshal(string(note)) // a text always has a form
	escape := strings.NewReplacer(`\`, `\\`, `"`, `\"`, `]`, `\]`)
	return fmt.Appendf(nil, "<110>1 %s - rolecall - checkpoint [rolecall@32473 records=\"%d\" note=\"%s\"] checkpoint of %d records\n", at.UTC().Format("2006-01-02T15:04:05.000000Z"), records, escape.Replace(string(quoted)), records)
}

// printable keeps what a header may hold. The words are this program's own, but a journal may come from a later one.
func printable(text string, most int) string {
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '_'
		}
		return r
	}, text)
	return text[:min(most, len(text))]
}

// CEF is the Common Event Format, version 0, without a syslog header.
func CEF(e Entry) ([]byte, error) {
	severity := 3
	if e.wrong() {
		severity = 6
	}
	header := strings.NewReplacer(`\`, `\\`, `|`, `\|`)
	value := strings.NewReplacer(`\`, `\\`, `=`, `\=`)
	var b strings.Builder
	fmt.Fprintf(&b, "CEF:0|Rolecall|Rolecall|1|%s|%s|%d|rt=%d", header.Replace(printable(string(e.Kind), 32)), header.Replace(printable(e.phrase(), 200)), severity, e.Time.UnixMilli())
	for _, f := range e.fields() {
		for _, k := range cefKeys(f.name) {
			v := f.value
			if k.fixed != "" {
				v = k.fixed
			}
			fmt.Fprintf(&b, " %s=%s", k.key, value.Replace(v))
		}
	}
	return append([]byte(b.String()), '\n'), nil
}

// cefKey is where a value goes, or a label that goes with it.
type cefKey struct{ key, fixed string }

func cefKeys(name string) []cefKey {
	custom := map[string]string{"entitlement": "cs1", "why": "cs2", "run": "cs3", "hash": "cs4", "rules": "cs5", "name": "cs6", "of": "cn1", "login": "flexString1"}
	known := map[string]string{"seq": "externalId", "kind": "cat", "actor": "suser", "person": "duid", "program": "destinationServiceName",
		"account": "duser", "op": "act", "outcome": "outcome", "cause": "reason", "detail": "msg"}
	if key, ok := custom[name]; ok {
		return []cefKey{{key: key}, {key + "Label", name}}
	}
	return []cefKey{{key: known[name]}}
}
