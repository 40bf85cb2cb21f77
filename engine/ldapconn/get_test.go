package ldapconn

import (
	"errors"
	"strings"
	"testing"
)

// A single read shows one entry or says why not; whatever is not exactly that is incomplete.
func TestGetSaysWhyThereIsNoEntry(t *testing.T) {
	one := func(id int) []byte { return person(id, "cn=g,dc=x", "cn", "g") }
	end := func(id, code int) []byte { return packet(id, result(opSearchDone, code)) }
	for name, c := range map[string]struct {
		answer func(id int) []byte
		code   Code // "": the entry comes
	}{
		"one":                {func(id int) []byte { return join(one(id), end(id, 0)) }, ""},
		"two":                {func(id int) []byte { return join(one(id), one(id), end(id, 0)) }, Malformed},
		"none":               {func(id int) []byte { return end(id, 0) }, NotVisible},
		"elsewhere":          {func(id int) []byte { return join(reference(id, "ldap://b/"), end(id, 0)) }, Referral},
		"something else":     {func(id int) []byte { return join(packet(id, result(opModifyAnswer, 0)), end(id, 0)) }, Malformed},
		"busy":               {func(id int) []byte { return end(id, 51) }, Busy},
		"unavailable":        {func(id int) []byte { return end(id, 52) }, Busy},
		"too long":           {func(id int) []byte { return join(one(id), end(id, 3)) }, TimeLimit},
		"too much":           {func(id int) []byte { return join(one(id), end(id, 4)) }, SizeLimit},
		"more than the rule": {func(id int) []byte { return join(one(id), end(id, 11)) }, AdminLimit},
		"referred":           {func(id int) []byte { return end(id, 10) }, Referral},
		"no control":         {func(id int) []byte { return end(id, 12) }, NoPagingControl},
		"no right":           {func(id int) []byte { return end(id, 50) }, Refused},
		"a code of its own":  {func(id int) []byte { return end(id, 4711) }, Refused},
	} {
		t.Run(name, func(t *testing.T) {
			conn, err := newClient(t, testConfig(newFake(t, func(_ int, m message) reply { return reply{bytes: c.answer(m.id)} }).url)).Connect(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			e, err := conn.Get(t.Context(), "cn=g,dc=x")
			var not *Incomplete
			switch {
			case c.code == "" && (err != nil || e == nil || e.DN != "cn=g,dc=x"), c.code != "" && (e != nil || !errors.As(err, &not) || !not.Has(c.code)):
				t.Errorf("%v, %v", e, err)
			}
		})
	}
}

// That the server denies an entry is another answer than that it shows none.
func TestGetOfWhatIsNotThere(t *testing.T) {
	conn, err := newClient(t, testConfig(newFake(t, func(_ int, m message) reply { return reply{bytes: packet(m.id, result(opSearchDone, 32))} }).url)).Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, err = conn.Get(t.Context(), "cn=g,dc=x")
	var denied *LDAPError
	var not *Incomplete
	if !errors.As(err, &denied) || denied.Code != 32 || errors.As(err, &not) {
		t.Errorf("%v", err)
	}
	if text := (&LDAPError{Op: "search", Code: 4711, Message: "no"}).Error(); !strings.Contains(text, "4711, unknown result (\"no\")") {
		t.Error(text)
	}
}
