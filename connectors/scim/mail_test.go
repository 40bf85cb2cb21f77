package scim_test

import (
	"encoding/json"
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
