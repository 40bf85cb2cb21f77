package directory

import (
	"cmp"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// when is a date or an instant as an entry gives it. The zero when is open.
type when struct {
	day     time.Time // midnight UTC of the day meant; zero: exact is meant
	instant time.Time
}

func (w when) open() bool { return w.day.IsZero() && w.instant.IsZero() }

// start is the first instant that counts, end the first that no longer does.
func (w when) start(zone *time.Location) time.Time {
	if w.day.IsZero() {
		return w.instant
	}
	return dayStart(w.day, zone)
}

func (w when) end(zone *time.Location) time.Time {
	if w.day.IsZero() {
		return w.instant
	}
	return dayStart(w.day.AddDate(0, 0, 1), zone)
}

// dayStart is the first instant of a day. Where clocks jump over midnight it is not 00:00, and time.Date may then give
// an instant of the day before.
func dayStart(day time.Time, zone *time.Location) time.Time {
	const step = 15 * time.Minute // all jumps in use are multiples of it
	y, m, d := day.Date()
	t := time.Date(y, m, d, 0, 0, 0, 0, zone)
	for before(t, y, m, d) {
		t = t.Add(step)
	}
	for !before(t.Add(-step), y, m, d) {
		t = t.Add(-step)
	}
	return t
}

func before(t time.Time, y int, m time.Month, d int) bool {
	ty, tm, td := t.Date()
	return cmp.Or(cmp.Compare(ty, y), cmp.Compare(tm, m), cmp.Compare(td, d)) < 0
}

// parseWhen reads a date: ISO 8601, RFC 3339, LDAP's generalized time (RFC 4517 section 3.3.13), Active Directory's
// 100 ns since 1601 (0 and 2^63−1 mean never, [MS-ADTS] accountExpires) and the given layouts. A time of exactly
// midnight, whatever its zone, is how many exports write a plain date, and is taken for one.
func parseWhen(s string, layouts []string) (when, error) {
	if s == "" || s == "0" || s == "9223372036854775807" {
		return when{}, nil
	}
	if n, err := strconv.ParseInt(s, 10, 64); err == nil && len(s) >= 17 {
		const to1970 = 11644473600 // seconds from 1601 to 1970
		return when{instant: time.Unix(n/1e7-to1970, n%1e7*100).UTC()}, nil
	}
	for _, l := range []string{"2006-01-02", "20060102", time.RFC3339, "2006-01-02T15:04:05", "2006-01-02 15:04:05",
		"200601021504Z", "20060102150405Z", "20060102150405.9Z", "20060102150405-0700"} {
		if t, err := time.Parse(l, strings.Replace(s, ",", ".", 1)); err == nil {
			return ofTime(t), nil
		}
	}
	for _, l := range layouts {
		if t, err := time.Parse(l, s); err == nil {
			return ofTime(t), nil
		}
	}
	return when{}, errors.New("not a date; 2027-01-31 is one, or set the layout under dates")
}

func ofTime(t time.Time) when {
	if y, m, d := t.Date(); t.Hour() == 0 && t.Minute() == 0 && t.Second() == 0 && t.Nanosecond() == 0 {
		return when{day: time.Date(y, m, d, 0, 0, 0, 0, time.UTC)}
	}
	return when{instant: t.UTC()}
}

// date reads one declared attribute of a job or of its person. problem is "" where it could be read.
func (b *builder) date(name string, p *engine.Person, job *engine.Job) (w when, problem string) {
	if name == "" {
		return when{}, ""
	}
	a := job.Attributes.Get(name)
	if !b.isJob(name) {
		a = p.Attributes.Get(name)
	}
	if a.Unknown {
		return when{}, name + " could not be seen"
	}
	if len(a.Values) == 0 {
		return when{}, ""
	}
	w, err := parseWhen(a.Values[0], b.cfg.Dates.Layouts)
	if err != nil {
		return when{}, name + " " + strconv.Quote(a.Values[0]) + " is " + err.Error()
	}
	return w, ""
}
