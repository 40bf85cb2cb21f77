package engine

import (
	"encoding/json"
	"reflect"
	"testing"
)

// FuzzIntentData: the quick way reads what json reads, or leaves it to json.
func FuzzIntentData(f *testing.F) {
	for _, s := range []string{`{}`, `{"login":"a","name":"Ünï","item":"i","source":"corp","failures":12}`, `{"login":"a\n"}`, `{"Login":"a"}`, `{"login":"a",}`,
		`{"login":"a" }`, `{"failures":1.5}`, `{"failures":01}`, `{"failures":-1}`, `{"login":"a","login":"b"}`, `{"login":null}`, `{"new":{"name":"x"}}`, `{"login":"a"}x`, "{\"login\":\"\xff\"}", `{,}`, ``, `{"failures":1`, `{"failures":`, `{"failures":,}`, `{"failures":}`, `{"failures":1234567890}`,
		`{"login":"a","new":{"Name":"x","Person":"1","Attributes":null}}`, `{"new":{"Name":"x","Person":"1","Attributes":{"mail":"a@b","x":""}}}`, `{"new":{}}`, `{"new":{"Attributes":{}}}`, `{"new":null}`,
		`{"new":{"Name":"x"},"new":{"Person":"1"}}`, `{"new":{"Attributes":{"a":"1"},"Attributes":{"b":"2"}}}`, `{"new":{"Attributes":null,"Attributes":{"b":"2"}}}`, `{"new":{"Attributes":{"a":"1","a":"2"}}}`,
		`{"new":{"name":"x"}}`, `{"new":{"Name":"x"}`, `{"new":{"Name":"x",}}`, `{"new":{"Name":"x"}x}`, `{"new":{"Attributes":{"a":1}}}`, `{"new":{"Name":"x"}}}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var want, have intentData
		err := json.Unmarshal(data, &want)
		if quickIntentData(data, &have) && (err != nil || !reflect.DeepEqual(have, want)) {
			t.Errorf("%q: %+v instead of %+v, %v", data, have, want, err)
		}
	})
}

func TestIntentDataIsReadQuickly(t *testing.T) {
	var d intentData
	if r := IntentRecord("r", "a", "corp", Change{Login: "jane", Name: "Jäne", Item: "i", Failures: 3}, ""); !quickIntentData(r.Data, &d) || d.Login != "jane" || d.Fails != 3 {
		t.Errorf("%s is left to json: %+v", r.Data, d)
	}
	for _, attributes := range []map[string]string{nil, {"mail": "jane@example.com", "name": "Jäne"}} {
		n, d := &NewAccount{Name: "jane", Person: "1001", Attributes: attributes}, intentData{}
		if r := IntentRecord("r", "a", "corp", Change{Login: "jane", New: n}, ""); !quickIntentData(r.Data, &d) || !reflect.DeepEqual(d.New, n) {
			t.Errorf("%s is left to json: %+v", r.Data, d.New)
		}
	}
}
