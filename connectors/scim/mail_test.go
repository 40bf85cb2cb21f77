package scim_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/rolecall/rolecall/connectors/scim"
	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/enginetest/servers"
)

// Another address takes the place of the primary one, and of no other.
func TestAnotherMailLeavesOtherAddresses(t *testing.T) {
	url := scimmy(t) + "/scim/v2"
	id := add(t, url+"/Users", map[string]any{"schemas": []string{"urn:ietf:params:scim:schemas:core:2.0:User"}, "userName": "ann",
		"emails": []any{map[string]any{"value": "home@example.com", "type": "home", "display": "at home"}, map[string]any{"value": "old@example.com", "type": "work", "primary": true}}})
	p := open(t, scim.Config{URL: url, Token: engine.Secret{Env: "T"}}, nil, canary)
	if outcome, err := p.Update(t.Context(), id, engine.NewAccount{Name: "ann", Attributes: map[string]string{"mail": "new@example.com"}}); outcome != engine.Done {
		t.Fatal(outcome, err)
	}
	var user struct {
		Emails []struct{ Value, Type, Display string }
	}
	get(t, url+"/Users/"+id, &user)
	if len(user.Emails) != 2 || user.Emails[0].Value != "home@example.com" || user.Emails[0].Display != "at home" || user.Emails[1].Value != "new@example.com" || user.Emails[1].Type != "work" {
		t.Errorf("%+v", user.Emails)
	}
}

func get(t *testing.T, url string, to any) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+canary)
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if err := json.NewDecoder(response.Body).Decode(to); err != nil {
		t.Fatal(err)
	}
}

// A provider that makes something else of a value works: its answer is no failure, for which all other changes would have to wait.
func TestAnIgnoredTitleIsAnAnswer(t *testing.T) {
	p := newProvider(t)
	p.After = func(p *servers.Provider, _ *http.Request) { p.Users[0]["title"] = "old" }
	outcome, err := p.open(t).Update(t.Context(), "u1", engine.NewAccount{Attributes: map[string]string{"title": "new"}})
	if outcome != engine.Refused || err == nil || !strings.Contains(err.Error(), "does not show it") {
		t.Errorf("%s, %v", outcome, err)
	}
}

// What is not in an answer is unknown: many providers leave out what they don't support. What is there and empty is empty.
func TestWhatAProviderDoesNotShowIsUnknown(t *testing.T) {
	p := newProvider(t)
	shown := func() map[string]string {
		var out map[string]string
		_, err := p.open(t).Holdings(t.Context(), func(h engine.Holding) error {
			if h.Account == "u1" && h.Info != nil {
				out = h.Info.Attributes
			}
			return nil
		})
		if err != nil || out == nil {
			t.Fatal(err, out)
		}
		return out
	}
	for _, name := range []string{"title", "displayName", "userType", "name", "emails"} {
		delete(p.Users[0], name)
	}
	for _, name := range []string{"title", "displayName", "userType", "givenName", "familyName", "formatted", "mail"} {
		if value, is := shown()[name]; is {
			t.Errorf("%s is shown as %q", name, value)
		}
	}
	p.Users[0]["title"], p.Users[0]["displayName"], p.Users[0]["emails"], p.Users[0]["name"] = "", nil, []any{}, map[string]any{"givenName": "Ann"}
	have := shown()
	for name, want := range map[string]string{"title": "", "displayName": "", "mail": "", "givenName": "Ann"} {
		if value, is := have[name]; !is || value != want {
			t.Errorf("%s is %q (shown: %v)", name, value, is)
		}
	}
	if value, is := have["familyName"]; is {
		t.Errorf("familyName is shown as %q", value)
	}
}

// What a provider with a lag does not show at once is no failure: its answer says so.
func TestALagIsNoFailure(t *testing.T) {
	p := newProvider(t)
	p.After = func(p *servers.Provider, _ *http.Request) { p.Users[0]["title"] = "old" }
	lags := open(t, scim.Config{URL: p.URL, Token: engine.Secret{Env: "T"}, PageSize: 2, Lag: 1}, nil, canary)
	outcome, err := lags.Update(t.Context(), "u1", engine.NewAccount{Attributes: map[string]string{"title": "new"}})
	if outcome != engine.Uncertain || !errors.Is(err, engine.ErrNotShown) {
		t.Errorf("%s, %v", outcome, err)
	}
}
