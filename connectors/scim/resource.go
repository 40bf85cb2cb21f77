package scim

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/rolecall/rolecall/engine"
)

// Schemas of RFC 7643 section 8.7 and RFC 7644 section 3.5.2.
const (
	userSchema  = "urn:ietf:params:scim:schemas:core:2.0:User"
	patchSchema = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
)

// user is RFC 7643 section 4.1, as far as it is used.
type user struct {
	Schemas     []string `json:"schemas,omitempty"`
	ID          string   `json:"id,omitempty"`
	ExternalID  string   `json:"externalId,omitempty"`
	UserName    string   `json:"userName"`
	DisplayName string   `json:"displayName,omitempty"`
	Title       string   `json:"title,omitempty"`
	UserType    string   `json:"userType,omitempty"`
	Active      *boolean `json:"active,omitempty"` // absent: active
	Name        *name    `json:"name,omitempty"`
	Emails      []email  `json:"emails,omitempty"`
	Meta        *meta    `json:"meta,omitempty"`
}

type name struct {
	Formatted  string `json:"formatted,omitempty"`
	GivenName  string `json:"givenName,omitempty"`
	FamilyName string `json:"familyName,omitempty"`
}

type email struct {
	Value   string  `json:"value"`
	Primary boolean `json:"primary,omitempty"`
	Type    string  `json:"type,omitempty"`
}

type meta struct {
	Version string `json:"version,omitempty"`
}

// group is RFC 7643 section 4.2.
type group struct {
	ID          string    `json:"id"`
	DisplayName string    `json:"displayName"`
	Members     *[]member `json:"members"` // nil: not shown, which need not mean that there are none
	Meta        *meta     `json:"meta,omitempty"`
}

type member struct {
	Value string `json:"value"`
	Type  string `json:"type,omitempty"`
	Ref   string `json:"$ref,omitempty"`
}

// account is what a member is listed as; groups within groups are strangers.
func (m member) account() string {
	if strings.EqualFold(m.Type, "Group") || strings.Contains(m.Ref, "/Groups/") {
		return "group:" + m.Value
	}
	return m.Value
}

// boolean takes "True" for true, as some providers write it.
type boolean bool

// UnmarshalJSON implements json.Unmarshaler.
func (b *boolean) UnmarshalJSON(data []byte) error {
	switch strings.ToLower(strings.Trim(string(data), `"`)) {
	case "true":
		*b = true
	case "false", "null":
		*b = false
	default:
		return fmt.Errorf("%.20q is neither true nor false", data)
	}
	return nil
}

type resource interface{ id() string }

func (u *user) id() string  { return u.ID }
func (g *group) id() string { return g.ID }

func (u *user) active() bool { return u.Active == nil || bool(*u.Active) }

func (u *user) holdings() []engine.Holding {
	out := []engine.Holding{{Account: u.ID, Entitlement: engine.Exists, Info: u.info()}}
	if u.active() {
		out = append(out, engine.Holding{Account: u.ID, Entitlement: engine.Active})
	}
	return out
}

func (u *user) info() *engine.AccountInfo {
	return &engine.AccountInfo{Name: u.UserName, Attributes: u.attributes()}
}

// attributes are those that can be matched and set, by the names of the configuration.
func (u *user) attributes() map[string]string {
	out := map[string]string{"externalId": u.ExternalID, "userName": u.UserName, "displayName": u.DisplayName, "title": u.Title, "userType": u.UserType, "mail": u.mail()}
	if u.Name != nil {
		out["givenName"], out["familyName"], out["formatted"] = u.Name.GivenName, u.Name.FamilyName, u.Name.Formatted
	}
	return out
}

// mail is the primary address, else the first.
func (u *user) mail() string {
	for _, e := range u.Emails {
		if e.Primary {
			return e.Value
		}
	}
	if len(u.Emails) > 0 {
		return u.Emails[0].Value
	}
	return ""
}

// set fills one attribute; ok is false for a name that is unknown.
func (u *user) set(attribute, value string) (ok bool) {
	if attribute == "externalId" {
		u.ExternalID = value
		return true
	}
	if u.Name == nil {
		u.Name = &name{}
	}
	switch attribute {
	case "displayName":
		u.DisplayName = value
	case "title":
		u.Title = value
	case "userType":
		u.UserType = value
	case "givenName":
		u.Name.GivenName = value
	case "familyName":
		u.Name.FamilyName = value
	case "formatted":
		u.Name.Formatted = value
	case "mail":
		u.Emails = []email{{Value: value, Primary: true, Type: "work"}}
	default:
		return false
	}
	return true
}

// patchOp is one operation of RFC 7644 section 3.5.2.
type patchOp struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Value any    `json:"value,omitempty"`
}

type patch struct {
	Schemas    []string  `json:"schemas"`
	Operations []patchOp `json:"Operations"`
}

func newPatch(ops ...patchOp) patch { return patch{Schemas: []string{patchSchema}, Operations: ops} }

// quote makes a value of a filter (RFC 7644 section 3.4.2.2: as in JSON), so that the filter's shape does not depend on it.
func quote(value string) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(value) // a string never fails
	return strings.TrimSuffix(b.String(), "\n")
}
