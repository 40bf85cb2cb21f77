package engine

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// Seats are counted by account, whatever it holds; a seat that changes hands is one, and days of which nothing is known are not there.
func TestSeatDays(t *testing.T) {
	at := func(text string) time.Time {
		if text == "" {
			return time.Time{}
		}
		when, err := time.Parse("2006-01-02 15:04", "2027-01-"+text)
		if err != nil {
			t.Fatal(err)
		}
		return when
	}
	stays := func(list ...string) (out []Stay) {
		for _, one := range list {
			p := strings.Split(one, ",")
			out = append(out, Stay{p[0], at(p[1]), at(p[2])})
		}
		return out
	}
	for name, c := range map[string]struct {
		stays []Stay
		want  string
	}{
		"nothing":                        {nil, ""},
		"from the middle of a day":       {stays("a,02 12:00,"), "02 1 1.00, 03 1 1.00, 04 1 1.00"},
		"before the first day":           {stays("a,01 00:00,"), "01 1 1.00, 02 1 1.00, 03 1 1.00, 04 1 1.00"},
		"half a day":                     {stays("a,01 00:00,", "b,02 12:00,03 00:00"), "01 1 1.00, 02 2 1.50, 03 1 1.00, 04 1 1.00"},
		"several rights are one seat":    {stays("a,01 00:00,", "a,02 00:00,", "a,02 06:00,03 06:00"), "01 1 1.00, 02 1 1.00, 03 1 1.00, 04 1 1.00"},
		"a seat changes hands":           {stays("a,01 00:00,02 12:00", "b,02 12:00,"), "01 1 1.00, 02 1 1.00, 03 1 1.00, 04 1 1.00"},
		"managed otherwise":              {stays("a,01 00:00,02 12:00", "a,02 12:00,"), "01 1 1.00, 02 1 1.00, 03 1 1.00, 04 1 1.00"},
		"gone at midnight":               {stays("a,01 00:00,03 00:00", "b,01 00:00,"), "01 2 2.00, 02 2 2.00, 03 1 1.00, 04 1 1.00"},
		"all gone is known to be nobody": {stays("a,01 00:00,02 00:00"), "01 1 1.00, 02 0 0.00, 03 0 0.00, 04 0 0.00"},
	} {
		var got []string
		for _, d := range SeatDays(c.stays, at("01 00:00"), at("04 18:00")) {
			got = append(got, fmt.Sprintf("%s %d %.2f", d.Day.Format("02"), d.Peak, d.Average))
		}
		if text := strings.Join(got, ", "); text != c.want {
			t.Errorf("%s: %s, not %s", name, text, c.want)
		}
	}
}
