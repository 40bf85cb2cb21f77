package http_test

import (
	"strings"
	"testing"

	rest "github.com/rolecall/rolecall/connectors/http"
	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/httpconn"
)

// What can be seen without a call is said before the first one, with its place.
func TestConfigurationMistakes(t *testing.T) {
	for want, bend := range map[string]func(c *rest.Config){
		"url is not of the form":        func(c *rest.Config) { c.URL = "" },
		"in the clear":                  func(c *rest.Config) { c.URL = "http://crm.example.com" },
		"exactly one of a token, oauth": func(c *rest.Config) { c.Auth.Basic = &httpconn.Basic{User: "u", Password: engine.Secret{Env: "T"}} },
		"has a colon": func(c *rest.Config) {
			c.Auth = httpconn.Auth{Basic: &httpconn.Basic{User: "u:v", Password: engine.Secret{Env: "T"}}}
		},
		"not the name of a header": func(c *rest.Config) {
			c.Auth = httpconn.Auth{Header: &httpconn.Header{Name: "X Key", Key: engine.Secret{Env: "T"}}}
		},
		"Authorization is set otherwise":        func(c *rest.Config) { c.Headers = map[string]string{"authorization": "x"} },
		"lag and requests":                      func(c *rest.Config) { c.Lag = -1 },
		"users.list: path is missing":           func(c *rest.Config) { c.Users.List.Path = "" },
		"users.list.path: path \"/u#x\" is not": func(c *rest.Config) { c.Users.List.Path = "/u#x" },
		"users.one.path":                        func(c *rest.Config) { c.Users.One.Path = "/users/{who}" },
		"known {account}":                       func(c *rest.Config) { c.Users.One.Path = "/users/{who}" },
		"brace without its partner":             func(c *rest.Config) { c.Users.One.Path = "/users/{account" },
		"users.id":                              func(c *rest.Config) { c.Users.ID = "" },
		"users.name: the expression":            func(c *rest.Config) { c.Users.Name = "itm.name" },
		"users.list.items":                      func(c *rest.Config) { c.Users.List.Items = "data" },
		"by \"pages\" is unknown":               func(c *rest.Config) { c.Users.List.Paging.By = "pages" },
		"by is missing":                         func(c *rest.Config) { c.Users.List.Paging.By = "" },
		"nothing says when the list is whole":   func(c *rest.Config) { c.Users.List.Paging.Total = "" },
		"param is missing":                      func(c *rest.Config) { c.Users.List.Paging.Param = "" },
		"next is missing":                       func(c *rest.Config) { c.Users.List.Paging = rest.Paging{By: "cursor", Param: "c"} },
		"the list of accounts may not":          func(c *rest.Config) { c.Users.List.None = []int{404} },
		"suspend, resume and active":            func(c *rest.Config) { c.Users.Resume = nil },
		"create and delete":                     func(c *rest.Config) { c.Users.Delete = nil },
		"users.create[0].body":                  func(c *rest.Config) { c.Users.Create[0].Body = []any{map[string]any{"x": "{mail}"}} },
		"method \"GET\"":                        func(c *rest.Config) { c.Users.Create[0].Method = "GET" },
		"one of body, from and form":            func(c *rest.Config) { c.Users.Create[0].From = "item" },
		"no entitlement":                        func(c *rest.Config) { c.Rights = nil },
		"rights[0]: grant and revoke":           func(c *rest.Config) { c.Rights[0].Revoke = nil },
		"rights[1]: there are two groups":       func(c *rest.Config) { c.Rights = append(c.Rights, c.Rights[0]) },
		"either each":                           func(c *rest.Config) { c.Rights[0].Each = "/groups" },
		"catalogue and name":                    func(c *rest.Config) { c.Rights[0].Name = "" },
		"names and catalogue":                   func(c *rest.Config) { c.Rights[0].Names = []string{"x"} },
		"need names or a catalogue":             func(c *rest.Config) { c.Rights[0].Catalogue, c.Rights[0].Name = nil, "" },
		"account is missing":                    func(c *rest.Config) { c.Rights[0].Account = "" },
		"one right at a time":                   func(c *rest.Config) { c.Rights[0].Right = "/x" },
		"right is missing":                      func(c *rest.Config) { c.Rights[0].List.Path = "/members" },
		"that belongs to one":                   func(c *rest.Config) { c.Rights[0].List.Path = "/members/{right}/{account}" },
		"starts with no dot":                    func(c *rest.Config) { c.Rights[0].Prefix = "." },
	} {
		c := newAPI(t, "page").config()
		bend(&c)
		if _, err := rest.Open(c, rest.Options{Program: "crm"}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q: %v", want, err)
		}
	}
}
