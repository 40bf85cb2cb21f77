package scim

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"github.com/rolecall/rolecall/engine/httpconn"
)

// client makes calls that speak SCIM.
type client struct{ *httpconn.Client }

func newClient(c Config, o Options) (*client, error) {
	cl, err := httpconn.New(httpconn.Config{URL: c.URL, Auth: httpconn.Auth{Bearer: c.Token, OAuth: c.OAuth}, SameHost: true, Format: "SCIM",
		Accept: "application/scim+json, application/json;q=0.9", Failure: failure, Wait: o.Wait},
		httpconn.Options{Secret: o.Secret, Now: o.Now, Calls: o.Calls, Transport: o.Transport, Between: o.Between})
	return &client{cl}, err
}

// call is one request.
type call struct {
	method string
	path   string // below the base, escaped
	query  url.Values
	body   any
	match  string // If-Match
}

// do makes a call and decodes the answer into out (nil: none is wanted).
func (c *client) do(ctx context.Context, k call, out any) (version string, err error) {
	wire := httpconn.Call{Method: k.method, Path: k.path, Type: "application/scim+json"}
	if len(k.query) > 0 {
		wire.Path += "?" + k.query.Encode()
	}
	if k.body != nil {
		if wire.Body, err = json.Marshal(k.body); err != nil {
			return "", httpconn.Before(err)
		}
	}
	if k.match != "" {
		wire.Header = http.Header{"If-Match": {k.match}}
	}
	answer, err := c.Do(ctx, wire)
	if err == nil && out != nil {
		err = answer.Decode(out)
	}
	if err != nil {
		return "", err
	}
	return answer.Header.Get("ETag"), nil
}

// errorSchema is of RFC 7644 section 3.12.
const errorSchema = "urn:ietf:params:scim:api:messages:2.0:Error"

// failure reads what the provider says of itself.
func failure(a *httpconn.Answer) (detail string, own bool) {
	var body struct {
		Schemas []string
		Detail  string
	}
	if !a.IsJSON() || json.Unmarshal(a.Body, &body) != nil {
		return "", false
	}
	return body.Detail, len(body.Schemas) > 0 && strings.EqualFold(body.Schemas[0], errorSchema)
}
