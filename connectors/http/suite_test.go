package http_test

import (
	"net/http"
	"testing"
	"time"

	rest "github.com/rolecall/rolecall/connectors/http"
	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/enginetest"
)

// openWith opens a program with faults between.
func openWith(t *testing.T, c rest.Config, web *enginetest.HTTPFaults, transport http.RoundTripper) *rest.Program {
	t.Helper()
	p, err := rest.Open(c, rest.Options{Program: "p", Now: time.Now, Transport: transport, Between: web.Between, Wait: web.Wait,
		Secret: func(engine.Secret) (string, error) { return canary, nil }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return p
}

// suite holds the connector to the suite on a program that pages in one way, with a configuration that is bent.
func suite(t *testing.T, by, list string, bend func(c *rest.Config)) {
	enginetest.ConnectorSuite(t, func(t *testing.T) *enginetest.ConnectorUnderTest {
		p := newAPI(t, by)
		c := p.config()
		bend(&c)
		faults, web, closed := &faultyTransport{list: list}, &enginetest.HTTPFaults{}, c
		closed.URL = "http://127.0.0.1:1"
		return &enginetest.ConnectorUnderTest{Connector: openWith(t, c, web, faults), HTTP: web, Arm: faults.arm, Accounts: []string{"1", "2", "3"},
			Rights: []string{"Sales", "Büro / Süd?", "x"}, Stranger: "77", NoRight: "none", NewNames: []string{"dan", `Eve "É" \ {x}`},
			New: engine.NewAccount{Attributes: map[string]string{"mail": "new@example.com"}}, Secrets: []string{canary, "canary-wrong"},
			Broken: []engine.Connector{open(t, c, nil, "canary-wrong"), open(t, closed, nil, canary)}}
	})
}

// The suite on a program that pages in every way there is.
func TestEachWayOfPaging(t *testing.T) {
	for _, by := range []string{"", "page", "offset", "cursor", "next", "link"} {
		t.Run("by "+by, func(t *testing.T) { suite(t, by, "/g4/members", func(*rest.Config) {}) })
	}
}

// The suite with every way of saying who holds what.
func TestEachWayOfListing(t *testing.T) {
	for name, bend := range map[string]func(c *rest.Config){
		"counts seats": func(c *rest.Config) {
			c.Counts = []rest.Count{{Path: "/licences", Total: "/plan/bought", Used: "/plan/used"}}
		},
		"no account singly": func(c *rest.Config) { c.Users.One = nil },
		"by account": func(c *rest.Config) {
			r := &c.Rights[0]
			r.List = &rest.Read{Path: "/users/{account}/groups", Items: "/data", Paging: r.List.Paging}
			r.Account, r.RightID, r.When = "", "/group", `item.state == "member"`
		},
		"membership singly": func(c *rest.Config) { c.Rights[0].One = &rest.Read{Path: "/groups/{right.id}/members/{account}"} },
		"named": func(c *rest.Config) {
			c.Users.Named = &rest.Read{Path: "/users?name={name}", Items: "/data", Paging: c.Users.List.Paging}
		},
	} {
		t.Run(name, func(t *testing.T) {
			list := "/g4/members"
			if name == "by account" {
				list = "/9007199254740993/groups"
			}
			suite(t, "page", list, bend)
		})
	}
}

// A configuration that leaves out where the program says how many there are is found.
func TestAConfigurationThatDoesNotCountIsFound(t *testing.T) {
	for _, by := range []string{"", "cursor", "link"} {
		passes := func(bend func(c *rest.Config)) (bool, []string) {
			return enginetest.PassesCheck(t, "misses no page", func() *enginetest.ConnectorUnderTest {
				p, web := newAPI(t, by), &enginetest.HTTPFaults{}
				c := p.config()
				bend(&c)
				return &enginetest.ConnectorUnderTest{Connector: openWith(t, c, web, nil), HTTP: web, Accounts: []string{"1", "2", "3"}, Rights: []string{"Sales", "x"}, Stranger: "77"}
			})
		}
		if ok, why := passes(func(*rest.Config) {}); !ok {
			t.Errorf("%s: %q", by, why)
		}
		if ok, why := passes(func(c *rest.Config) { c.Users.List.Paging.Total = "" }); ok {
			t.Errorf("%s, without total: %q", by, why)
		}
	}
}
