package journal

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/rolecall/rolecall/engine"
)

// TestHandWrittenForm: what is written by hand is, byte for byte, what encoding/json writes of the stored types.
func TestHandWrittenForm(t *testing.T) {
	spelled := newSpelling()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"", "plain", `"`, `\`, "\x00\x1f\x7f\b\f\n\r\t", "<&>", "\u2028\u2029\u202a", "\ufffd", "Ünï", "€"}))
		s := func() string { return text.Draw(t, "text") }
		n := func() int64 { return rapid.Int64Range(0, 3).Draw(t, "number") * rapid.Int64().Draw(t, "factor") }
		list := rapid.SliceOfN(text, 0, 3)
		r := engine.Record{Seq: n(), Time: instant(n()), Kind: engine.Kind(s()), Run: s(), Actor: s(), Person: s(), Program: s(), Account: s(), Entitlement: s(),
			Op: engine.Op(s()), Outcome: engine.Outcome(s()), Of: n(), Cause: engine.Cause(s()), Class: engine.Class(s()), Approved: rapid.Bool().Draw(t, "approved"),
			Rules: list.Draw(t, "rules"), Why: list.Draw(t, "why"), Claim: int(n())}
		if rapid.Bool().Draw(t, "data") {
			r.Data, _ = encode(map[string]string{"name": s()})
		}
		if rapid.Bool().Draw(t, "set") {
			r.Set = []engine.Fact{{FactKey: engine.FactKey{Kind: s(), Person: s()}, Since: instant(n()), Text: s(), Data: json.RawMessage(`{"a":1}`)}}
		}
		if rapid.Bool().Draw(t, "clear") {
			r.Clear = []engine.FactKey{{Kind: s(), Key: s()}}
		}
		sameForm(t, spelled, &r, n(), n())
	})
}

func sameForm(t *rapid.T, spelled *spelling, r *engine.Record, person, account int64) {
	public := public{Seq: r.Seq, Time: micros(r.Time), Kind: string(r.Kind), Run: r.Run, Person: person, Program: r.Program,
		Account: account, Entitlement: r.Entitlement, Op: string(r.Op), Outcome: string(r.Outcome), Of: r.Of, Cause: string(r.Cause),
		Class: string(r.Class), Approved: r.Approved, Rules: r.Rules, Claim: int64(r.Claim)}
	if want, err := encode(public); err != nil || string(want) != string(storePublic(r, person, account)) {
		t.Fatalf("%v\nwant %s\nhave %s", err, want, storePublic(r, person, account))
	}
	p := personal{Actor: r.Actor, Person: r.Person, Account: r.Account, Why: r.Why, Data: r.Data}
	for _, f := range r.Set {
		p.Set = append(p.Set, fact{factKey(f.FactKey), micros(f.Since), micros(f.Until), f.Count, f.Text, f.Data})
	}
	for _, k := range r.Clear {
		p.Clear = append(p.Clear, factKey(k))
	}
	want, err := encode(p)
	have, err2 := storePersonal(r)
	if err != nil || err2 != nil || string(want) != string(have) {
		t.Fatalf("%v %v\nwant %s\nhave %s", err, err2, want, have)
	}
	for _, text := range [][]byte{storePublic(r, person, account), have} {
		sameLoaded(t, spelled, text)
		if at := rapid.IntRange(0, len(text)).Draw(t, "at"); rapid.Bool().Draw(t, "torn") {
			put := rapid.SampledFrom([]string{"", " ", "0", "-", `"`, `\`, ",", "}", "]", "\xff", "null", `,"seq":1`}).Draw(t, "put")
			sameLoaded(t, spelled, slices.Concat(text[:at], []byte(put), text[min(len(text), at+rapid.IntRange(0, 2).Draw(t, "cut")):]))
		}
	}
}

// sameLoaded: what is read by hand is what encoding/json reads, errors included, whatever texts were spelled before.
func sameLoaded(t *rapid.T, spelled *spelling, text []byte) {
	for _, s := range []*spelling{nil, spelled, spelled} {
		var who public
		var p personal
		have, err := loadPublic(text, s)
		if want := json.Unmarshal(text, &who); fmt.Sprint(want) != fmt.Sprint(err) || want == nil && !reflect.DeepEqual(have, who) {
			t.Fatalf("%s\nwant %+v, %v\nhave %+v, %v", text, who, want, have, err)
		}
		havePersonal, err := loadPersonal(text, s)
		if want := json.Unmarshal(text, &p); fmt.Sprint(want) != fmt.Sprint(err) || want == nil && !reflect.DeepEqual(havePersonal, p) {
			t.Fatalf("%s\nwant %+v, %v\nhave %+v, %v", text, p, want, havePersonal, err)
		}
	}
}

// TestTheUsualFormIsReadByHand: else the reading by hand would be for nothing.
func TestTheUsualFormIsReadByHand(t *testing.T) {
	r := engine.IntentRecord("r1", "daemon", "corp", engine.Change{Op: engine.OpGrant, Person: "p1", Account: "new:Zoë", Program: "wiki", Entitlement: "wiki/x",
		Why: []string{"a", "b"}, Rules: []string{"r"}, Cause: engine.CauseRule, New: &engine.NewAccount{Name: "p1"}}, engine.ChargeGrant)
	personalText, err := storePersonal(&r)
	if err != nil || !new(public).quick(storePublic(&r, 1, 2), nil) || !new(personal).quick(personalText, nil) {
		t.Errorf("%v %s %s", err, storePublic(&r, 1, 2), personalText)
	}
}

// TestLinesOfCopy: parts end without a newline and, joined by newlines, are all rows.
func TestLinesOfCopy(t *testing.T) {
	r := newRows("ti")
	var want []string
	for i := range 3000 {
		r.add("a\tb\\n\n"+strings.Repeat("x", i%50), int64(i))
		want = append(want, `a\tb\\n\n`+strings.Repeat("x", i%50)+"\t"+strconv.Itoa(i))
	}
	var have []string
	if err := r.lines(func(part string) error { have = append(have, part); return nil }); err != nil {
		t.Fatal(err)
	}
	if len(have) < 3 || strings.Join(have, "\n") != strings.Join(want, "\n") {
		t.Errorf("%d parts; the lines differ", len(have))
	}
}
