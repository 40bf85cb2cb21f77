package web

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/rolecall/rolecall/engine"
)

// heard notes what a journal is asked for.
type heard struct {
	*book
	asked []engine.Query
}

func (h *heard) Records(ctx context.Context, q engine.Query, yield func(engine.Record) error) error {
	h.asked = append(h.asked, q)
	for i := range int64(shownEvents) + 1 {
		if err := yield(engine.Record{Seq: 9999 - i, Time: noon(), Kind: engine.KindIntent}); err != nil {
			return err
		}
	}
	return nil
}

func (h *heard) Export(_ context.Context, q engine.Query, _ string, _ io.Writer) error {
	h.asked = append(h.asked, q)
	return nil
}

// The journal is searched by rule on the page, for programs and for exports alike, and further pages keep to it.
func TestAuditByRule(t *testing.T) {
	s, _, _ := guarded(t, Viewer)
	h := &heard{book: records("x")}
	s.Journal, s.Exports = func() Journal { return h }, h
	body := send(s, http.MethodGet, "/audit?rule=all+staff", "").Body.String()
	for _, want := range []string{`name="rule" value="all staff"`, "rule=all&#43;staff"} {
		if !strings.Contains(body, want) {
			t.Errorf("%q is missing in %s", want, body[:3000])
		}
	}
	if more := afterOf(body, `href="/audit?before=`); !strings.HasPrefix(more, "9900&amp;rule=all") {
		t.Errorf("the next page is another search: %.60s", more)
	}
	p := newProgram(t, s)
	p.ask(http.MethodGet, "/api/v1/audit?rule=all+staff", "")
	p.ask(http.MethodGet, "/api/v1/audit/export?format=csv&rule=all+staff", "")
	send(s, http.MethodGet, "/audit/export?format=csv&rule=all+staff", "")
	if len(h.asked) != 4 {
		t.Fatalf("asked %d times", len(h.asked))
	}
	for i, q := range h.asked {
		if q.Rule != "all staff" {
			t.Errorf("%d asked for the rule %q", i, q.Rule)
		}
	}
}
