package scim_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/connectors/scim"
	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/enginetest"
	"github.com/rolecall/rolecall/engine/httpconn"
)

// bend changes how the server behaves; see server.mjs.
func bend(t *testing.T, server string, how map[string]any) {
	t.Helper()
	data, err := json.Marshal(how)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.Post(server+"/bend", "application/json", bytes.NewReader(data))
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatal(response, err)
	}
	_ = response.Body.Close()
}

// TestSCIMMYBent is what providers do besides answering: they are busy, compare versions, and sign in by OAuth.
func TestSCIMMYBent(t *testing.T) {
	server := scimmy(t)
	u := fill(t, server+"/scim/v2")
	t.Run("busy", func(t *testing.T) { testBusy(t, server, u) })
	t.Run("versions", func(t *testing.T) { testVersions(t, server, u) })
	t.Run("OAuth", func(t *testing.T) { testSignIn(t, server, u) })
}

func testBusy(t *testing.T, server string, u *enginetest.ConnectorUnderTest) {
	for name, tc := range map[string]struct {
		how   map[string]any
		want  engine.Outcome
		waits []time.Duration
	}{
		"for seconds": {map[string]any{"busy": 2, "retryAfter": "7"}, engine.Done, []time.Duration{7 * time.Second, 7 * time.Second}},
		"unsaid":      {map[string]any{"busy": 2}, engine.Done, []time.Duration{time.Second, 2 * time.Second}},
		"for ever":    {map[string]any{"busy": 99}, engine.Failed, []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second}},
	} {
		t.Run(name, func(t *testing.T) {
			bend(t, server, tc.how)
			var waits []time.Duration
			c, err := scim.Open(scim.Config{URL: server + "/scim/v2", Token: engine.Secret{Env: "T"}}, scim.Options{Program: "crm", Now: time.Now,
				Secret: func(engine.Secret) (string, error) { return canary, nil },
				Wait:   func(_ context.Context, d time.Duration) error { waits = append(waits, d); return nil }})
			if err != nil {
				t.Fatal(err)
			}
			outcome, err := c.Grant(t.Context(), u.Accounts[0], "Sales")
			if outcome != tc.want || !slices.Equal(waits, tc.waits) {
				t.Errorf("%s, %v after waiting %v", outcome, err, waits)
			}
			bend(t, server, map[string]any{})
			held, err := c.Account(t.Context(), u.Accounts[0])
			if in := slices.ContainsFunc(held, func(h engine.Holding) bool { return h.Entitlement == "Sales" }); err != nil || in != (tc.want == engine.Done) {
				t.Errorf("the server shows %v, %v", held, err)
			}
			if _, err := c.Revoke(t.Context(), u.Accounts[0], "Sales"); err != nil {
				t.Error(err)
			}
		})
	}
}

// testVersions: whoever changed the group meanwhile is not overwritten.
func testVersions(t *testing.T, server string, u *enginetest.ConnectorUnderTest) {
	c := open(t, scim.Config{URL: server + "/scim/v2", Token: engine.Secret{Env: "T"}}, nil, canary)
	bend(t, server, map[string]any{"etag": true, "rival": 2})
	if outcome, err := c.Grant(t.Context(), u.Accounts[0], "Sales"); outcome != engine.Done {
		t.Errorf("changed twice: %s, %v", outcome, err)
	}
	bend(t, server, map[string]any{"etag": true, "rival": 99})
	if outcome, err := c.Grant(t.Context(), u.Accounts[1], "Sales"); outcome != engine.Failed || err == nil {
		t.Errorf("always changed: %s, %v", outcome, err)
	}
	bend(t, server, map[string]any{"etag": true})
	held, proof, err := read(c)
	if err != nil || !proof.Complete() || !slices.Contains(held, u.Accounts[0]+"/Sales") || slices.Contains(held, u.Accounts[1]+"/Sales") {
		t.Errorf("%v, %+v, %v", held, proof, err)
	}
}

func testSignIn(t *testing.T, server string, u *enginetest.ConnectorUnderTest) {
	const client, secret = "rolecall:ä", "canary secret&%"
	oauth := map[string]any{"oauth": map[string]string{"client": client, "secret": secret}}
	for _, inBody := range []bool{false, true} {
		bend(t, server, oauth)
		password := secret
		c, err := scim.Open(scim.Config{URL: server + "/scim/v2", OAuth: &httpconn.OAuth{URL: server + "/token", Client: client, Secret: engine.Secret{Env: "T"}, InBody: inBody}},
			scim.Options{Program: "crm", Now: time.Now, Secret: func(engine.Secret) (string, error) { return password, nil }, Wait: noWait})
		if err != nil {
			t.Fatal(err)
		}
		for _, change := range []func(context.Context, string, string) (engine.Outcome, error){c.Grant, c.Revoke} {
			if outcome, err := change(t.Context(), u.Accounts[2], "Sales"); outcome != engine.Done {
				t.Errorf("%s, %v", outcome, err)
			}
			other, err := http.PostForm(server+"/token", map[string][]string{"client_id": {client}, "client_secret": {secret}, "grant_type": {"client_credentials"}})
			if err != nil || other.StatusCode != http.StatusOK { // with it the former token ends
				t.Fatal(other, err)
			}
			_ = other.Body.Close()
		}
		password = "canary wrong"
		if _, _, err := read(c); err == nil || strings.Contains(err.Error(), "canary") {
			t.Errorf("with a wrong secret: %v", err)
		}
	}
}
