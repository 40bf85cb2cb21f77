package engine_test

import (
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// A token has a name that nobody takes for another one, an end within a year, and a reason; one at a time has a name.
func TestTokens(t *testing.T) {
	w := newWorld(t)
	good := engine.Token{Name: "ann", Permission: "viewer", Person: "ann@example.com", Until: w.now.Add(24 * time.Hour), Hash: engine.TokenHash("rct_ann.1")}
	for name, c := range map[string]struct {
		change func(t *engine.Token)
		reason string
		says   string
	}{
		"no reason":    {func(*engine.Token) {}, " ", engine.ErrNoReason.Error()},
		"no name":      {func(t *engine.Token) { t.Name = "Ann B." }, "r", "is no name for a token"},
		"over already": {func(t *engine.Token) { t.Until = w.now }, "r", "within a year"},
		"for ever":     {func(t *engine.Token) { t.Until = w.now.Add(engine.TokenLife + time.Second) }, "r", "within a year"},
	} {
		bad := good
		c.change(&bad)
		if err := w.engine.MakeToken(t.Context(), "boss", bad, c.reason); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := w.engine.MakeToken(t.Context(), "boss", good, "she audits"); err != nil {
		t.Fatal(err)
	}
	if err := w.engine.MakeToken(t.Context(), "boss", good, "again"); err == nil || !strings.Contains(err.Error(), "take it back first") {
		t.Errorf("two of one name: %v", err)
	}
	if all := w.memory().Tokens(); len(all) != 1 || !all[0].Has("rct_ann.1") || all[0].Has("rct_ann.2") || all[0].Person != good.Person {
		t.Errorf("%+v", all)
	}
	w.pass(25 * time.Hour) // it is over, so another one may have the name
	again := good
	again.Until = w.now.Add(time.Hour)
	if err := w.engine.MakeToken(t.Context(), "boss", again, "she audits again"); err != nil {
		t.Error(err)
	}
	w.record([]engine.Fact{{FactKey: engine.FactKey{Kind: engine.FactDelegate, Person: "1", Key: "2"}, Data: []byte(`{"By":"token:ann"}`)},
		{FactKey: engine.FactKey{Kind: engine.FactDelegate, Person: "3", Key: "2"}, Data: []byte(`{"By":"token:eve"}`)}})
	defer func() {
		if left := w.memory().Facts(engine.FactDelegate); len(left) != 1 || left[0].Person != "3" {
			t.Errorf("what the token delegated outlives it: %v", left)
		}
	}()
	if err := w.engine.EndToken(t.Context(), "boss", "ann"); err != nil || len(w.memory().Tokens()) > 0 {
		t.Errorf("%v %+v", err, w.memory().Tokens())
	}
	if err := w.engine.EndToken(t.Context(), "boss", "ann"); err == nil || !strings.Contains(err.Error(), "there is no token") {
		t.Errorf("taken back twice: %v", err)
	}
	_ = w.journal.Records(t.Context(), engine.Query{Kind: engine.KindToken}, func(r engine.Record) error {
		if r.Seq == 1 && !strings.HasSuffix(r.Why[0], ", of ann@example.com") {
			t.Errorf("whose it is is not said: %q", r.Why)
		}
		return nil
	})
}

// What has not the form of a token's secret is looked for nowhere, and what is kept of one without a hash opens nothing.
func TestSecretsOfTokens(t *testing.T) {
	secret := engine.TokenSecret("ann.b", [32]byte{1})
	if k, ok := engine.TokenKey(secret); !ok || k.Key != "ann.b" {
		t.Errorf("%+v %v", k, ok)
	}
	for _, s := range []string{"", "ann.b", "rct_ann", "rct_.00", "rct_Ann.00", strings.TrimPrefix(secret, "rct_")} {
		if k, ok := engine.TokenKey(s); ok {
			t.Errorf("%q: %+v", s, k)
		}
	}
	now := time.Unix(1_800_000_000, 0)
	f := engine.Fact{Until: now.Add(time.Hour), Text: engine.TokenHash(secret), Data: []byte(`{"permission":"viewer"}`)}
	if tok, ok := engine.TokenOf(f, now); !ok || !tok.Has(secret) {
		t.Errorf("%+v %v", tok, ok)
	}
	without, torn := f, f
	without.Text, torn.Data = "", []byte(`{`)
	for _, bad := range []engine.Fact{without, torn} {
		if tok, ok := engine.TokenOf(bad, now); ok {
			t.Errorf("%+v", tok)
		}
	}
}
