package login

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/go-jose/go-jose/v4"
)

const fuzzIssuer = "https://id.example.com"

var fuzzNow = time.Date(2027, 1, 4, 9, 0, 0, 0, time.UTC)

// fuzzProvider answers by path, without a network. It notes where it was asked over a connection that others can read.
type fuzzProvider struct {
	answers map[string]string
	unsafe  []string
}

// RoundTrip implements http.RoundTripper.
func (p *fuzzProvider) RoundTrip(r *http.Request) (*http.Response, error) {
	if !SafePlace(r.URL.String()) {
		p.unsafe = append(p.unsafe, r.URL.String())
	}
	body, there := p.answers[r.URL.Path]
	status := http.StatusOK
	if !there {
		status = http.StatusNotFound
	}
	return &http.Response{StatusCode: status, ProtoMajor: 1, ProtoMinor: 1, Request: r, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body))}, nil
}

// signsIn lets somebody come back from the provider.
func (p *fuzzProvider) signsIn(person string) (Identity, error) {
	of := &Provider{Issuer: fuzzIssuer, ClientID: "rolecall", Secret: func() (string, error) { return "s", nil }, GroupsClaim: "groups", PersonClaim: person,
		Transport: p, Now: func() time.Time { return fuzzNow }}
	a := attempt{State: "s", Nonce: "n", Verifier: "v"}
	if _, err := of.way(context.Background(), a, "https://r.example.com"); err != nil {
		return Identity{}, err
	}
	return of.identity(context.Background(), a, "https://r.example.com", "c")
}

// fuzzKey signs; it is the same one in each process, so that what was found before stays right.
func fuzzKey() ed25519.PrivateKey { return ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)) }

func fuzzSigned(t testing.TB, claims []byte) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.EdDSA, Key: jose.JSONWebKey{Key: fuzzKey(), KeyID: "k"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := signer.Sign(claims)
	if err != nil {
		t.Fatal(err)
	}
	out, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

const (
	fuzzDiscovery = `{"issuer":"https://id.example.com","authorization_endpoint":"https://id.example.com/auth","token_endpoint":"https://id.example.com/token","jwks_uri":"https://id.example.com/keys","userinfo_endpoint":"https://id.example.com/me","id_token_signing_alg_values_supported":["EdDSA"]}`
	fuzzClaims    = `{"iss":"https://id.example.com","aud":"rolecall","sub":"1","nonce":"n","exp":1800000000,"iat":1700000000,"email":"ann@example.com","email_verified":true,"groups":["b","a","a"],"name":"Ann"}`
)

func fuzzKeys(t testing.TB) string {
	t.Helper()
	text, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: fuzzKey().Public(), KeyID: "k", Algorithm: "EdDSA", Use: "sig"}}})
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func fuzzToken(t testing.TB, claims []byte) string {
	t.Helper()
	text, err := json.Marshal(map[string]any{"access_token": "a", "token_type": "Bearer", "id_token": fuzzSigned(t, claims)})
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// FuzzProvider: whatever a provider says of itself, gives for a code, and says of its keys and of the user, nobody is let in but whom
// its key named, and it is never asked over a connection that others can read.
func FuzzProvider(f *testing.F) {
	keys, token := fuzzKeys(f), fuzzToken(f, []byte(fuzzClaims))
	f.Add(fuzzDiscovery, keys, token, `{"sub":"1","preferred_username":"ann"}`)
	f.Add(strings.ReplaceAll(fuzzDiscovery, "https://id.example.com/token", "http://id.example.com/token"), keys, token, `{"sub":"1"}`)
	f.Add(strings.Replace(fuzzDiscovery, `"userinfo_endpoint":"https://id.example.com/me",`, "", 1), keys, token, ``)
	f.Add(fuzzDiscovery, `{"keys":[]}`, token, `{"sub":"2"}`)
	f.Add(fuzzDiscovery, `{"keys":[{"kty":"oct","k":"AA"}]}`, `{"access_token":"a","id_token":"eyJhbGciOiJub25lIn0.e30."}`, `null`)
	f.Add(`{}`, `[`, `access_token=a&id_token=b`, `<html>`)
	f.Fuzz(func(t *testing.T, discovery, keys, token, user string) {
		p := &fuzzProvider{answers: map[string]string{"/.well-known/openid-configuration": discovery, "/keys": keys, "/token": token, "/me": user}}
		who, err := p.signsIn("email")
		if len(p.unsafe) > 0 {
			t.Fatalf("asked at %q", p.unsafe)
		}
		if err == nil && (who.Subject != "1" || who.By != "oidc") {
			t.Fatalf("let in is %+v", who)
		}
	})
}

// FuzzClaims: whatever the provider's key signs, only an ID token for Rolecall, of this sign-in, that holds and names somebody, lets that
// one in; and an address that nobody verified says nothing of who it is.
func FuzzClaims(f *testing.F) {
	for _, user := range []string{`{"sub":"1"}`, `{"sub":"1","email":"eve@example.com","email_verified":false,"groups":"x"}`, `{"sub":1}`, `{}`} {
		f.Add([]byte(fuzzClaims), user)
	}
	for _, change := range [][2]string{{`"sub":"1",`, ""}, {`"nonce":"n"`, `"nonce":""`}, {`"rolecall"`, `["other","rolecall"]`}, {`1800000000`, `1e3`}, {`true`, `"false"`}, {`"1"`, `""`}} {
		f.Add([]byte(strings.Replace(fuzzClaims, change[0], change[1], 1)), `{"sub":""}`)
	}
	keys := fuzzKeys(f)
	f.Fuzz(func(t *testing.T, claims []byte, user string) {
		p := &fuzzProvider{answers: map[string]string{"/.well-known/openid-configuration": fuzzDiscovery, "/keys": keys, "/token": fuzzToken(t, claims), "/me": user}}
		who, err := p.signsIn("email")
		if err != nil {
			return
		}
		if wrong := notLetIn(claims, user, who); wrong != "" {
			t.Fatalf("%s: %s lets in %+v", wrong, claims, who)
		}
	})
}

// notLetIn says why somebody should not have come in as such.
func notLetIn(claims []byte, user string, who Identity) string {
	var says struct {
		Iss, Sub, Nonce string
		Aud             any
		Exp             float64
	}
	var asked struct{ Sub string }
	if json.Unmarshal(claims, &says) != nil || json.Unmarshal([]byte(user), &asked) != nil {
		return "no claims"
	}
	list, _ := says.Aud.([]any)
	switch {
	case says.Iss != fuzzIssuer || says.Nonce != "n":
		return "of another provider or sign-in"
	case says.Aud != "rolecall" && !slices.Contains(list, any("rolecall")):
		return "for somebody else"
	case says.Exp < float64(fuzzNow.Unix()):
		return "expired"
	case who.Subject == "" || who.Subject != says.Sub || asked.Sub != says.Sub:
		return "of nobody, or of somebody else"
	case !slices.IsSorted(who.Groups) || len(slices.Compact(slices.Clone(who.Groups))) != len(who.Groups):
		return "groups in no order"
	case who.Mail == "" && who.Person != "" || utf8.RuneCountInString(who.Name) > mostName+1:
		return "an address that nobody verified, or a long name"
	}
	return ""
}
