package scim_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rolecall/rolecall/connectors/scim"
	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/enginetest"
	"github.com/rolecall/rolecall/engine/enginetest/servers"
)

const canary = "canary-7f3a"

// scimmy starts the SCIM service provider of testdata and gives its address; it ends with the test.
func scimmy(t *testing.T) string {
	t.Helper()
	return servers.SCIMMY(t, filepath.Join("testdata", "scimmy"), canary)
}

// add makes a resource and gives its id.
func add(t *testing.T, url string, body map[string]any) string {
	t.Helper()
	data, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequest(http.MethodPost, url, bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/scim+json")
	r.Header.Set("Authorization", "Bearer "+canary)
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var made struct{ ID string }
	if err := json.NewDecoder(response.Body).Decode(&made); body != nil && (err != nil || made.ID == "") {
		t.Fatalf("%s: %s, %v", url, response.Status, err)
	}
	return made.ID
}

func fill(t *testing.T, url string) *enginetest.ConnectorUnderTest {
	t.Helper()
	u := &enginetest.ConnectorUnderTest{Rights: []string{"Sales", `Büro "Süd" + mehr`, "x"}, Stranger: "00000000-0000-4000-8000-000000000000", NoRight: "fly",
		NewNames: []string{"dan@example.com", `Eve "É"`}, New: engine.NewAccount{Attributes: map[string]string{"mail": "new@example.com", "familyName": "New"}}, Secrets: []string{canary}}
	for _, name := range []string{"ann@example.com", `Ben "B" Smith\`, "Łucja"} {
		u.Accounts = append(u.Accounts, add(t, url+"/Users", map[string]any{"schemas": []string{"urn:ietf:params:scim:schemas:core:2.0:User"}, "userName": name, "active": true}))
	}
	add(t, url+"/Users", map[string]any{"schemas": []string{"urn:ietf:params:scim:schemas:core:2.0:User"}, "userName": "old", "active": false})
	for _, name := range u.Rights {
		add(t, url+"/Groups", map[string]any{"schemas": []string{"urn:ietf:params:scim:schemas:core:2.0:Group"}, "displayName": name})
	}
	return u
}

func open(t *testing.T, c scim.Config, transport http.RoundTripper, secret string) *scim.Program {
	t.Helper()
	p, err := scim.Open(c, scim.Options{Program: "crm", Now: time.Now, Transport: transport, Wait: noWait,
		Secret: func(engine.Secret) (string, error) { return secret, nil }})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestOnSCIMMY(t *testing.T) {
	server := scimmy(t)
	url := server + "/scim/v2"
	enginetest.ConnectorSuite(t, func(t *testing.T) *enginetest.ConnectorUnderTest {
		add(t, server+"/reset", nil)
		u := fill(t, url)
		c := scim.Config{URL: url, Token: engine.Secret{Env: "T"}, PageSize: 2}
		faulty := &faultyTransport{}
		u.Connector, u.Arm = open(t, c, faulty, canary), faulty.arm
		elsewhere, closed := c, c
		elsewhere.URL, closed.URL = server+"/scim/v3", "http://127.0.0.1:1"
		wrong := canary + "-wrong"
		u.Secrets = append(u.Secrets, wrong)
		u.Broken = []engine.Connector{open(t, c, nil, wrong), open(t, elsewhere, nil, canary), open(t, closed, nil, canary)}
		return u
	})
}

// With match: externalId the id comes as an attribute, too, and may be another one than the person's key.
func TestCreateWithExternalID(t *testing.T) {
	p := open(t, scim.Config{URL: scimmy(t) + "/scim/v2", Token: engine.Secret{Env: "T"}}, nil, canary)
	for _, step := range []struct {
		externalID string
		want       engine.Outcome
	}{{"E-7", engine.Done}, {"E-7", engine.Already}, {"E-8", engine.Refused}} {
		id, outcome, err := p.Create(t.Context(), engine.NewAccount{Name: "dan", Person: "key", Attributes: map[string]string{"externalId": step.externalID}})
		if outcome != step.want {
			t.Errorf("%s: %s, %v", step.externalID, outcome, err)
		}
		if outcome != engine.Done {
			continue
		}
		held, err := p.Account(t.Context(), id)
		if err != nil || held[0].Info.Attributes["externalId"] != step.externalID {
			t.Errorf("%+v, %v", held, err)
		}
	}
}

// faultyTransport makes the next call of the armed kind go wrong.
type faultyTransport struct {
	mu    sync.Mutex
	fault enginetest.Fault
}

func (f *faultyTransport) arm(fault enginetest.Fault) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fault = fault
	return fault != enginetest.Unreachable
}

func (f *faultyTransport) take(write, list bool) enginetest.Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch f.fault {
	case enginetest.BreakList, enginetest.PartialList, enginetest.HidePart:
		if !list {
			return enginetest.NoFault
		}
	default:
		if !write {
			return enginetest.NoFault
		}
	}
	fault := f.fault
	if fault != enginetest.BreakList { // a read is tried again, so this one goes on
		f.fault = enginetest.NoFault
	}
	return fault
}

func (f *faultyTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	page := r.URL.Query().Get("startIndex")
	fault := f.take(r.Method != http.MethodGet, page != "" && page != "1" && !r.URL.Query().Has("filter"))
	switch fault {
	case enginetest.FailBefore:
		return answer(r, http.StatusBadGateway, "text/html", "<html>bad gateway "+r.Header.Get("Authorization")), nil
	case enginetest.LoseBefore:
		return nil, io.ErrUnexpectedEOF
	case enginetest.Lie:
		return answer(r, http.StatusNoContent, "", ""), nil
	case enginetest.HidePart: // the first page again
		q := r.URL.Query()
		q.Set("startIndex", "1")
		r = r.Clone(r.Context())
		r.URL.RawQuery = q.Encode()
	}
	response, err := http.DefaultTransport.RoundTrip(r)
	if err != nil || fault == enginetest.NoFault {
		return response, err
	}
	body, _ := io.ReadAll(response.Body)
	_ = response.Body.Close()
	switch fault {
	case enginetest.LoseAfter:
		return nil, io.ErrUnexpectedEOF
	case enginetest.BreakList:
		body = body[:len(body)/2]
	case enginetest.PartialList:
		var page map[string]any
		if json.Unmarshal(body, &page) == nil {
			page["Resources"] = []any{}
			body, _ = json.Marshal(page)
		}
	}
	response.Body, response.ContentLength = io.NopCloser(bytes.NewReader(body)), -1
	return response, nil
}

func answer(r *http.Request, status int, kind, body string) *http.Response {
	return &http.Response{StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: r, ContentLength: -1,
		Header: http.Header{"Content-Type": {kind}}, Body: io.NopCloser(strings.NewReader(body))}
}
