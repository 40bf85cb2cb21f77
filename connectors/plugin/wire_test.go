package plugin

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/enginetest"
)

func TestLinesThatAreRefused(t *testing.T) {
	for text, want := range map[string]string{
		``:                                       "not JSON",
		`{"jsonrpc":"2.0","id":1,"result":{}} x`: "not JSON",
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"outcome\":\"done\",\"account\":\"\xff\"}}":       "not UTF-8",
		`{"jsonrpc":"2.0","id":1,"result":{"account":"\ud800"}}`:                                      "half of a surrogate pair",
		`{"jsonrpc":"2.0","id":1,"result":{"account":"\ud83dx\ude00"}}`:                               "half of a surrogate pair",
		`{"jsonrpc":"2.0","id":1,"id":2,"result":{}}`:                                                 `"id" comes twice`,
		`{"jsonrpc":"2.0","id":1,"result":{"outcome":"refused","outcome":"done"}}`:                    `"outcome" comes twice`,
		`{"jsonrpc":"2.0","id":1,"result":{"Outcome":"done"}}`:                                        `"Outcome" is unknown`,
		`{"jsonrpc":"2.0","id":1,"result":{},"more":1}`:                                               "unknown field",
		`{"jsonrpc":"1.0","id":1,"result":{}}`:                                                        "jsonrpc",
		`{"id":1,"result":{}}`:                                                                        "jsonrpc",
		`{"jsonrpc":"2.0","id":1}`:                                                                    "neither",
		`{"jsonrpc":"2.0","id":1,"result":{},"error":{"code":1,"message":"x"}}`:                       "neither",
		`{"jsonrpc":"2.0","id":null,"result":{}}`:                                                     "id is null",
		`{"jsonrpc":"2.0","id":"1","result":{}}`:                                                      "cannot unmarshal",
		`{"jsonrpc":"2.0","id":1.5,"result":{}}`:                                                      "cannot unmarshal",
		`{"jsonrpc":"2.0","method":"log","params":{}}`:                                                "neither",
		`{"jsonrpc":"2.0","method":"account"}`:                                                        "neither",
		`{"jsonrpc":"2.0","id":1,"method":"account","params":{}}`:                                     "neither",
		`[{"jsonrpc":"2.0","id":1,"result":{}}]`:                                                      "cannot unmarshal",
		`{"jsonrpc":"2.0","id":1,"result":` + strings.Repeat("[", 20) + strings.Repeat("]", 20) + `}`: "nested too deeply",
	} {
		if _, err := parse([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
	for _, text := range []string{
		`{"jsonrpc":"2.0","id":1,"result":{"account":"\ud83d\ude00 \\ud800"}}`,
		`{"jsonrpc":"2.0","method":"account","params":{"of":1,"account":{"id":"a","attributes":{"Mail":"x","mail":"y"}}}}`,
		`{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"no","data":{"Any":{"thing":[1]}}}}`,
	} {
		if _, err := parse([]byte(text)); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestAnswersThatDoNotFitTheQuestion(t *testing.T) {
	grant, create := change{Method: methodGrant, Account: "ann", Entitlement: "read"}, change{Method: methodCreate, Name: "dan"}
	for text, q := range map[string]change{
		`{"outcome":"ok","account":"ann","entitlement":"read"}`:                      grant,
		`{"outcome":"DONE","account":"ann","entitlement":"read"}`:                    grant,
		`{"outcome":"withdrawn","account":"ann","entitlement":"read"}`:               grant,
		`{"account":"ann","entitlement":"read"}`:                                     grant,
		`{"outcome":"done","entitlement":"read"}`:                                    grant,
		`{"outcome":"done","account":"Ann","entitlement":"read"}`:                    grant,
		`{"outcome":"done","account":"ann","entitlement":"Read"}`:                    grant,
		`{"outcome":"refused","account":"ben","entitlement":"read"}`:                 grant,
		`{"outcome":"done","account":"ann","entitlement":"read","name":"x"}`:         grant,
		`{"outcome":"done","account":"ann","entitlement":"read","reason":"no seat"}`: grant,
		`{"outcome":"done","name":"dan"}`:                                            create,
		`{"outcome":"done","name":"dan","account":"a\u0000b"}`:                       create,
		`{"outcome":"done","name":"ann","account":"7"}`:                              create,
		`{"outcome":"done","account":"7"}`:                                           create,
	} {
		var c changed
		if err := known([]byte(text), &c); err != nil {
			t.Fatal(err)
		}
		if err := c.check(&q); err == nil {
			t.Errorf("%s answers %+v", text, q)
		}
	}
	for text, q := range map[string]change{
		`{"outcome":"done","account":"ann","entitlement":"read"}`:                      grant,
		`{"outcome":"failed","account":"ann","entitlement":"read","reason":"no seat"}`: grant,
		`{"outcome":"already","name":"dan","account":"7"}`:                             create,
		`{"outcome":"refused","name":"dan","reason":"taken"}`:                          create,
	} {
		var c changed
		if err := known([]byte(text), &c); err != nil {
			t.Fatal(err)
		}
		if err := c.check(&q); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestAbilitiesThatCannotBe(t *testing.T) {
	for _, text := range []string{`{}`, `{"protocol":2}`, `{"protocol":1,"keyed":true,"lifecycle":true}`, `{"protocol":1,"batch":-1}`, `{"protocol":1,"parallel":100000}`, `{"protocol":1,"lag":-1}`, `{"protocol":1,"lag":1e9}`} {
		var a abilities
		if err := known([]byte(text), &a); err != nil || a.check() == nil {
			t.Errorf("%s is taken, or not read: %v", text, err)
		}
	}
}

// Whatever comes, a line is refused or means exactly what it says: what was read of it, written down again, is read as the same.
func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"jsonrpc":"2.0","id":1,"result":{"outcome":"done","account":"ann","entitlement":"read"}}`))
	f.Add([]byte(`{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"x"}}`))
	f.Add([]byte(`{"jsonrpc":"2.0","method":"account","params":{"of":3,"account":{"id":"a","active":true,"entitlements":["r"],"attributes":{"Mail":"x"},"last_use":"2027-01-01T00:00:00Z"}}}`))
	f.Add([]byte(`{"jsonrpc":"2.0","id":3,"result":{"complete":true,"accounts":1,"reason":"\ud83d\ude00"}}`))
	for _, h := range enginetest.Hostile()[:200] {
		text, _ := json.Marshal(map[string]any{"jsonrpc": "2.0", "id": 1, "result": map[string]string{"account": h.Text}})
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := parse(text)
		if err != nil {
			return
		}
		var l listed
		var c changed
		var e mark
		for _, part := range []struct {
			raw  json.RawMessage
			into any
		}{{m.Params, &l}, {m.Result, &c}, {m.Result, &e}} {
			if part.raw == nil || known(part.raw, part.into) != nil {
				continue
			}
			again, err := json.Marshal(part.into)
			if err != nil {
				t.Fatal(err)
			}
			other := reflect.New(reflect.TypeOf(part.into).Elem()).Interface()
			if err := known(again, other); err != nil || !reflect.DeepEqual(part.into, other) {
				t.Errorf("%s is read as %+v, and again as %+v: %v", text, part.into, other, err)
			}
		}
		s := &session{can: abilities{Accounts: true}, clean: cleaner(nil)}
		if l.Account != nil && s.checkAccount(l.Account) == nil {
			for _, h := range s.holdings(l.Account) {
				if err := checkName("account", h.Account); err != nil || h.Entitlement == engine.Exists && h.Info == nil {
					t.Errorf("%s becomes %+v: %v", text, h, err)
				}
			}
		}
	})
}

// What is shown of a plug-in moves no cursor, tells no secret and has an end.
func FuzzClean(f *testing.F) {
	for _, h := range enginetest.Hostile()[:200] {
		f.Add(h.Text, "canary")
	}
	f.Add("a canary b\x1b[2J", "canary")
	f.Add("-----BEGIN\nabcdef\n-----END", "-----BEGIN\nabcdef\n-----END")
	f.Fuzz(func(t *testing.T, text, secret string) {
		shown := cleaner(map[string]string{"token": secret})(text)
		if strings.ContainsFunc(shown, func(r rune) bool { return r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 }) || len(shown) > 2*maxText {
			t.Errorf("%q is shown as %q", text, shown)
		}
		// Letters that no escape of ours is made of.
		if strings.Trim(secret, "ghijklmnopqrstvwxyz") == "" && len(secret) > 6 && strings.Contains(shown, secret) {
			t.Errorf("%q tells the secret %q: %q", text, secret, shown)
		}
	})
}

// A list without end is cut off.
func TestAListHasAnEnd(t *testing.T) {
	s := &session{calls: map[int64]*call{1: {list: true}, 2: {}}}
	for range 2 {
		if _, err := s.callOf(1, true, maxList/2); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.callOf(1, true, 1); err == nil {
		t.Error("a list of more than all that may come goes on")
	}
	if _, err := s.callOf(2, true, 1); err == nil {
		t.Error("an account came for a call that is no list")
	}
}
