package engine

import (
	"encoding/json"
	"reflect"
	"testing"
)

// FuzzIntentData: the quick way reads what json reads, or leaves it to json.
func FuzzIntentData(f *testing.F) {
	for _, s := range []string{`{}`, `{"login":"a","name":"Ünï","item":"i","source":"corp","failures":12}`, `{"login":"a\n"}`, `{"Login":"a"}`, `{"login":"a",}`,
		`{"login":"a" }`, `{"failures":1.5}`, `{"failures":01}`, `{"failures":-1}`, `{"login":"a","login":"b"}`, `{"login":null}`, `{"new":{"name":"x"}}`, `{"login":"a"}x`, "{\"login\":\"\xff\"}", `{,}`, ``, `{"failures":1`, `{"failures":`, `{"failures":,}`, `{"failures":}`, `{"failures":1234567890}`} {
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
}
