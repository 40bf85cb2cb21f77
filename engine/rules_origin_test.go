package engine_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// Each line of who had what names the reason as it was recorded, and whose decision it was where there was one.
func TestOriginsNameReasonAndApproval(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki/x"}})
	w.apply()
	log := w.journal
	intent := engine.IntentRecord("r9", "serve", "hr", engine.Change{Op: engine.OpGrant, Person: "k1", Account: "ann", Program: "wiki", Entitlement: "wiki/x", Why: []string{"has a; entry cn=ann"}, Item: "i1"}, "")
	for _, r := range []engine.Record{
		{Kind: engine.KindApprove, Actor: "boss", Person: "k1", Program: "wiki", Data: []byte(`"i0"`), Why: []string{"another"}},
		{Kind: engine.KindApprove, Actor: "boss", Person: "k1", Program: "wiki", Data: []byte(`"i1"`), Why: []string{"as agreed"}},
		{Kind: engine.KindNote}, // so that numbers differ
	} {
		if err := log.Append(t.Context(), engine.Free, []engine.Record{r}); err != nil {
			t.Fatal(err)
		}
	}
	var last int64
	if err := log.Records(t.Context(), engine.Query{Newest: true, Limit: 1}, func(r engine.Record) error { last = r.Seq; return nil }); err != nil {
		t.Fatal(err)
	}
	if err := log.Append(t.Context(), engine.Free, []engine.Record{intent}); err != nil {
		t.Fatal(err)
	}
	if err := log.Append(t.Context(), engine.Free, []engine.Record{{Kind: engine.KindOutcome, Of: last + 1, Op: engine.OpGrant, Person: "k1", Account: "ann", Program: "wiki", Entitlement: "x", Outcome: engine.Done}}); err != nil {
		t.Fatal(err)
	}
	held := []engine.Held{{Program: "wiki", Account: "ann", Entitlement: "x", Person: "k1", Record: last + 2}, {Record: last}, {Record: last + 99}}
	got, err := engine.Origins(t.Context(), log, held)
	if err != nil {
		t.Fatal(err)
	}
	if o := got[0]; o.Record != last+1 || strings.Join(o.Why, "") != "has a; entry cn=ann" || o.Approved == nil || o.Approved.By != "boss" || o.Approved.Reason != "as agreed" || o.Pruned {
		t.Errorf("%+v, %+v", o, o.Approved)
	}
	for _, o := range got[1:] {
		if o.Record != 0 || o.Approved != nil || o.Pruned {
			t.Errorf("%+v", o)
		}
	}
	at := prunedAt(w.engine.Now().Add(time.Hour))
	at.UpTo = last // the approval is gone
	if got, err = engine.Origins(t.Context(), emptied{shortened{log, at}}, held[:1]); err != nil || got[0].Record != last+1 || got[0].Approved != nil || !got[0].Pruned {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err = engine.Origins(t.Context(), brokenLog{log}, held); !errors.Is(err, errUnread) {
		t.Error(err)
	}
}

var errUnread = errors.New("unread")

// brokenLog is a journal that can't be read.
type brokenLog struct{ engine.Log }

func (brokenLog) Records(context.Context, engine.Query, func(engine.Record) error) error {
	return errUnread
}
