package web

import (
	"testing"
	"time"
)

func TestWords(t *testing.T) {
	for d, want := range map[time.Duration]string{0: "just now", 61 * time.Second: "1 minute ago", 119 * time.Minute: "119 minutes ago", 3 * time.Hour: "3 hours ago", 49 * time.Hour: "2 days ago", -5 * time.Minute: "in 5 minutes", -time.Second: "in less than a minute"} {
		if got := ago(d); got != want {
			t.Errorf("%v: %q, not %q", d, got, want)
		}
	}
	for n, want := range map[float64]string{0: "0", 999: "999", 1000: "1\u202f000", 1234567: "1\u202f234\u202f567", 12.5: "12.50", 1234.5: "1\u202f234.50", -1234: "-1\u202f234"} {
		if got := thousands(n); got != want {
			t.Errorf("%v: %q, not %q", n, got, want)
		}
	}
	for text, want := range map[string]string{"Zoë": "Zoë", "a\u202eb": `a\u202eb`, "a\x1b[31m": `a\u001b[31m`, "line\nline": `line\u000aline`} {
		if got := clean(text); got != want {
			t.Errorf("%q: %q, not %q", text, got, want)
		}
	}
	for in, want := range map[[2]int]int{{0, 0}: 0, {5, 10}: 50, {11, 10}: 100, {-1, 10}: 0} {
		if got := percent(in[0], in[1]); got != want {
			t.Errorf("%v: %d, not %d", in, got, want)
		}
	}
}
