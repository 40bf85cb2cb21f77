package web

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html/template"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/rolecall/rolecall/engine"
)

// words are the functions of the templates.
func (s *Site) words() template.FuncMap {
	return template.FuncMap{
		"when":    func(t time.Time) string { return s.when(t, "2006-01-02 15:04") },
		"day":     func(t time.Time) string { return s.when(t, time.DateOnly) },
		"date":    func(t time.Time) string { return t.Format(time.DateOnly) }, // of a calendar: the same day in every zone
		"lastday": func(t time.Time) string { return s.when(t.AddDate(0, 0, -1), time.DateOnly) },
		"iso":     func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
		"late":    func(t time.Time) bool { return s.Now().After(t) },
		"ago":     func(t time.Time) string { return ago(s.Now().Sub(t)) },
		"money":   func(m Money) string { return fmt.Sprintf("%s %s", thousands(m.Amount), m.Currency) },
		"amount":  thousands,
		"cost":    s.costSays,
		"first":   func(list []engine.SeatClaim) []engine.SeatClaim { return list[:min(len(list), shownWaiting)] },
		"n":       func(n int) string { return thousands(float64(n)) },
		"plural":  plural, "path": url.PathEscape, "clean": clean, "short": short, "join": strings.Join,
		"percent": percent, "lasting": lasting, "name": s.nameOf, "account": accountOf,
	}
}

// costSays is what a change costs or saves, as people read it.
func (s *Site) costSays(c engine.Cost) string {
	text := strings.TrimSuffix(amountOf(c.Month, c.Currency)+" a month for "+c.Kind, " for ")
	if c.Paid && c.Month >= 0 {
		text += ", paid for already"
	}
	switch {
	case c.From != nil:
		text += ", from " + s.when(*c.From, time.DateOnly) + " on"
	case c.Paid && c.Month < 0:
		text += ", once fewer seats are paid for"
	}
	return clean(text)
}

// amountOf has a sign, whichever it is.
func amountOf(amount float64, currency string) string {
	if amount < 0 {
		return "−" + thousands(-amount) + " " + currency
	}
	return "+" + thousands(amount) + " " + currency
}

// nameOf is how the directory calls somebody, the key if it does not.
func (s *Site) nameOf(key string) string {
	if o := s.Outlook(); o != nil {
		if p := o.Person(key); p != nil {
			return p.Name()
		}
	}
	return key
}

// accountOf is the account as people read it: one that is only proposed is called by the name it will have.
func accountOf(account string) string {
	if name, proposed := engine.ProposedName(account); proposed {
		return name
	}
	return account
}

func (s *Site) when(t time.Time, layout string) string {
	if t.IsZero() {
		return "–"
	}
	return t.In(s.Zone()).Format(layout)
}

// ago says how long something is past, roughly.
func ago(d time.Duration) string {
	if d < 0 {
		return "in " + span(-d)
	}
	if d < time.Minute {
		return "just now"
	}
	return span(d) + " ago"
}

func span(d time.Duration) string {
	switch {
	case d < time.Minute:
		return "less than a minute"
	case d < 2*time.Hour:
		return plural(int(d.Minutes()), "minute", "minutes")
	case d < 48*time.Hour:
		return plural(int(d.Hours()), "hour", "hours")
	}
	return plural(int(d.Hours()/24), "day", "days")
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return thousands(float64(n)) + " " + many
}

// thousands groups digits with thin spaces, which no language takes for a decimal point.
func thousands(amount float64) string {
	text := strconv.FormatFloat(amount, 'f', -1, 64)
	if amount != float64(int64(amount)) {
		text = strconv.FormatFloat(amount, 'f', 2, 64)
	}
	whole, rest, _ := strings.Cut(text, ".")
	sign := ""
	if strings.HasPrefix(whole, "-") {
		sign, whole = "-", whole[1:]
	}
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "\u202f" + whole[i:]
	}
	if rest != "" {
		rest = "." + rest
	}
	return sign + whole + rest
}

// percent is how much of a whole is taken, 0 to 100, for a bar.
func percent(part, whole int) int {
	if whole <= 0 {
		return 0
	}
	return max(0, min(100, part*100/whole))
}

// clean shows what can't be seen: a name that a directory holds may be made to look like another.
func clean(text string) string {
	if strings.IndexFunc(text, hidden) < 0 {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		if hidden(r) {
			fmt.Fprintf(&b, "\\u%04x", r)
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

// hidden are controls, directions of text and marks without a width.
func hidden(r rune) bool {
	return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == '\u2028' || r == '\u2029' || unicode.Is(unicode.Co, r) || r == unicode.ReplacementChar
}

// short is the beginning of a hash.
func short(hash string) string { return hash[:min(12, len(hash))] }

func indented(data json.RawMessage) string {
	var out bytes.Buffer
	if len(data) == 0 || json.Indent(&out, data, "", "  ") != nil {
		return clean(string(data))
	}
	return strings.Join(mapLines(out.String(), clean), "\n")
}

func mapLines(text string, f func(string) string) []string {
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = f(lines[i])
	}
	return lines
}
