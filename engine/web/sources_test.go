package web

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// The first page says when each source was read completely the last time, be it before: of directories, of what they are joined from, and
// of programs. The journal is asked once, then only for what is new.
func TestTheLastCompleteRead(t *testing.T) {
	s, _, _ := guarded(t, Viewer)
	o, at := outlook("x"), noon().Add(-time.Minute)
	less := []engine.Reason{{Code: "x", Detail: "half of it"}}
	proof := func(source string, at time.Time, reasons []engine.Reason, partners ...engine.Proof) engine.Proof {
		return engine.Proof{Source: source, Finished: at, Reasons: reasons, Partners: partners}
	}
	o.Plan.Proofs = []engine.Proof{proof("corp", at, less, proof("hr", at, less)), proof("crm", at, less), proof("vpn", at, nil), proof("wiki", at, less)}
	run := func(seq int64, before time.Duration, proofs ...engine.Proof) engine.Record {
		for i := range proofs {
			proofs[i].Finished = noon().Add(-before)
			for n := range proofs[i].Partners {
				proofs[i].Partners[n].Finished = proofs[i].Finished
			}
		}
		return engine.Record{Seq: seq, Kind: engine.KindRun, Data: asJSON(map[string]any{"Proofs": proofs}), Set: []engine.Fact{{FactKey: engine.FactKey{Kind: engine.FactRun}}}}
	}
	b := &counted{book: records("x")}
	b.records = []engine.Record{run(9, time.Hour, proof("corp", at, less, proof("hr", at, less)), proof("crm", at, nil), proof("vpn", at, less), proof("wiki", at, less)),
		run(8, 5*time.Hour, proof("corp", at, nil, proof("hr", at, nil)), proof("wiki", at, less))} // newest first, as they are asked for
	s.Outlook, s.Journal = func() *engine.Outlook { return o }, func() Journal { return b }
	want := map[string]time.Time{"corp": noon().Add(-5 * time.Hour), "hr": noon().Add(-5 * time.Hour), "crm": noon().Add(-time.Hour), "vpn": at, "wiki": {}}
	p := newProgram(t, s)
	for range 2 {
		var got nowJSON
		if err := json.Unmarshal(p.ask(http.MethodGet, "/api/v1/now", "").Body.Bytes(), &got); err != nil || len(got.Sources) != 5 {
			t.Fatal(err, got.Sources)
		}
		for _, one := range got.Sources {
			if !one.Whole.Equal(want[one.Name]) {
				t.Errorf("%s: %s instead of %s", one.Name, one.Whole, want[one.Name])
			}
		}
	}
	if b.back != 1 {
		t.Errorf("the journal was gone back through %d times", b.back)
	}
	body := send(s, http.MethodGet, "/", "").Body.String()
	for _, shown := range []string{">5 hours ago<", ">60 minutes ago<", ">none is known<"} {
		if !strings.Contains(body, `data-label="Last complete">`) || !strings.Contains(body, shown) {
			t.Errorf("%q is missing in %s", shown, body)
		}
	}
	s, _, _ = guarded(t, Viewer)
	b.book.err = errors.New("of the journal")
	s.Outlook, s.Journal, s.Failed = func() *engine.Outlook { return o }, func() Journal { return b }, func(string, error) {}
	if w := send(s, http.MethodGet, "/", ""); w.Code != http.StatusServiceUnavailable {
		t.Errorf("a journal that fails: %d", w.Code)
	}
}

// counted notes how often it is gone back through for complete reads.
type counted struct {
	*book
	back int
}

func (c *counted) Records(ctx context.Context, q engine.Query, yield func(engine.Record) error) error {
	if q.Kind == engine.KindRun && q.Newest && q.Limit == 10 {
		c.back++
	}
	return c.book.Records(ctx, q, yield)
}
