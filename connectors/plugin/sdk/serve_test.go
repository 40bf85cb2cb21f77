package sdk_test

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/rolecall/rolecall/connectors/plugin/sdk"
)

// latin is a program with names that are no UTF-8.
type latin struct{ bad bool }

func (p latin) name(good string) string {
	if p.bad {
		return "b\xfcro"
	}
	return good
}

func (p latin) Open(context.Context, sdk.Settings) (string, error) { return p.name("x"), nil }
func (p latin) Accounts(_ context.Context, yield func(sdk.Account)) error {
	yield(sdk.Account{ID: "ann"})
	yield(sdk.Account{ID: "ben", Entitlements: []string{p.name("read")}})
	return nil
}
func (p latin) Grant(context.Context, string, string) (sdk.Outcome, error)  { return sdk.Done, nil }
func (p latin) Revoke(context.Context, string, string) (sdk.Outcome, error) { return sdk.Done, nil }
func (p latin) Entitlements(context.Context) ([]string, error)              { return []string{p.name("read")}, nil }
func (p latin) Account(context.Context, string) (*sdk.Account, error) {
	return &sdk.Account{ID: "ann", Attributes: map[string]string{"mail": p.name("a")}}, nil
}
func (p latin) Delete(context.Context, string) (sdk.Outcome, error) { return sdk.Done, nil }
func (p latin) Create(context.Context, sdk.NewAccount) (string, sdk.Outcome, error) {
	return p.name("7"), sdk.Done, nil
}

func said(t *testing.T, p sdk.Program, call string) string {
	t.Helper()
	var out bytes.Buffer
	if err := sdk.Serve(t.Context(), strings.NewReader(`{"jsonrpc":"2.0","id":3,`+call+"}\n"), &out, sdk.About{}, p); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// Two rights that differ in bytes that are no UTF-8 would arrive as one; they are not sent.
func TestNamesThatAreNotUTF8(t *testing.T) {
	for call, want := range map[string]string{
		`"method":"open","params":{"program":"x"}`:                    `"error"`,
		`"method":"holdings"`:                                         `"complete":false`,
		`"method":"entitlements"`:                                     `"error"`,
		`"method":"account","params":{"account":"ann"}`:               `"error"`,
		`"method":"create","params":{"name":"dan","attributes":null}`: `"outcome":"unknown"`,
	} {
		if got := said(t, latin{true}, call); !strings.Contains(got, want) || strings.Contains(got, "�") {
			t.Errorf("%s: %s", call, got)
		}
		if got := said(t, latin{}, call); strings.Contains(got, want) {
			t.Errorf("%s of a good program: %s", call, got)
		}
	}
}

// Who holds nothing has an empty list, and not null.
func TestNoRightsAreAList(t *testing.T) {
	if got := said(t, latin{}, `"method":"holdings"`); strings.Contains(got, "null") || !strings.Contains(got, `"entitlements":[]`) || !strings.Contains(got, `"complete":true`) {
		t.Error(got)
	}
}
