package directory

import (
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// FuzzWhen: any text is a date or none, in any zone: the first instant of the day lies within it and none before does, and
// an end is not before its start.
func FuzzWhen(f *testing.F) {
	for _, s := range []string{"2027-01-31", "20270131", "2027-01-31T00:00:00+02:00", "20270131120000.5Z", "202701311200Z", "133800000000000000",
		"9223372036854775807", "0", "31.01.2027", "2027-01-31 08:15:00", "20270131120000,5Z", "-9223372036854775808", "99999999999999999999"} {
		f.Add(s, "Europe/Berlin", "02.01.2006")
	}
	f.Add("2011-12-30", "Pacific/Apia", "")            // a day that did not exist there
	f.Add("2018-11-04", "America/Sao_Paulo", "Jan _2") // no midnight
	f.Fuzz(func(t *testing.T, text, name, layout string) {
		w, err := parseWhen(text, []string{layout})
		if err != nil || w.open() {
			return
		}
		zone, err := time.LoadLocation(name)
		if err != nil || name == "Local" {
			return
		}
		start, end := w.start(zone), w.end(zone)
		if w.day.Year() < 1973 && !w.day.IsZero() || w.day.Year() > 9999 {
			return // before, clocks were moved by any span
		}
		if start.After(end) || w.day.IsZero() && !start.Equal(end) {
			t.Fatalf("%q in %s: from %s to %s", text, name, start, end)
		}
		if y, m, d := w.day.Date(); !w.day.IsZero() && (before(start, y, m, d) || !before(start.Add(-1), y, m, d)) {
			t.Fatalf("%q in %s does not start at %s", text, name, start)
		}
	})
}

// FuzzFilter: a filter of the configuration is refused, or is applied to any entry without a panic; what it says of an
// entry is not what its negation says.
func FuzzFilter(f *testing.F) {
	for _, s := range []string{"(uid=ada)", "(&(objectClass=person)(!(status=gone)))", "(|(a=*)(b=c*d*e))", "(cn=*x)", "(cn=\\2a)", "(a:=b)", "(a>=1)", "(&)", "(!(a=b))",
		"(cn=\\zz)", "((a=b))", "(", "(a=b)(c=d)", "(=)"} {
		f.Add(s, "ada", "x*y")
	}
	f.Fuzz(func(t *testing.T, text, one, two string) {
		is, names, err := compileFilter(text)
		if err != nil {
			return
		}
		not, _, err := compileFilter("(!" + text + ")")
		if err != nil {
			return // "a=b" needs no parentheses by itself
		}
		e := &entry{dn: "uid=" + one, place: "x"}
		for _, n := range append(names, "uid", "cn") {
			e.put(strings.ToLower(n), one, "")
			e.put(strings.ToLower(n), two, "")
		}
		if is(e) == not(e) {
			t.Fatalf("%q and its negation are both %v of %+v", text, is(e), e)
		}
	})
}

// FuzzCanon: a canonical form is its own canonical form, holds nothing that is not seen, and a folded name is still the
// same after it was shown.
func FuzzCanon(f *testing.F) {
	for _, h := range []string{"Zoë  Łukasz", "ＡＬＩＣＥ", "İstanbul ıI", "e\u0301", "a\u202eb", "a\u200bb", "ﬁ", "ẞ", "\xff", "\x00", "a\tb\n", "\u2028", "\U000e0041", "K", "ſ"} {
		f.Add(h)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for name, form := range map[string]func(string) (string, error){"plain": plain, "folded": folded} {
			once, err := form(s)
			if err != nil {
				continue
			}
			if twice, err := form(once); err != nil || twice != once {
				t.Fatalf("%s: %q became %q and then %q, %v", name, s, once, twice, err)
			}
			if strings.ContainsFunc(once, misleading) || strings.ContainsAny(once, "\x00\n\r\x1b") || strings.TrimSpace(once) != once {
				t.Fatalf("%s: %q became %q", name, s, once)
			}
		}
		shown, err := plain(s)
		if err != nil {
			return
		}
		if a, b := canonOr(s), canonOr(shown); a != b {
			t.Fatalf("%q is %q, and shown as %q it is %q", s, a, shown, b)
		}
	})
}

// FuzzZone: whatever stands where a zone should, the company's counts, and the machine's own never.
func FuzzZone(f *testing.F) {
	for _, s := range []string{"Europe/Berlin", "Local", "", "../../etc/passwd", "/etc/localtime", "UTC", "utc", "Europe/../Europe/Berlin", "a\x00b", "berlin"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		cfg := hr()
		b := newBuilder(&cfg)
		p := engine.Person{Attributes: engine.Attributes{{Name: "zone", Values: []string{text}}}}
		if loc := b.zone(&p); loc == nil || loc == time.Local || strings.Contains(p.Zone, "..") || strings.HasPrefix(p.Zone, "/") {
			t.Fatalf("%q is the zone %v, noted as %q", text, loc, p.Zone)
		}
	})
}
