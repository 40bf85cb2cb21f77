package scim

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
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
	DisplayName optional `json:"displayName,omitzero"`
	Title       optional `json:"title,omitzero"`
	UserType    optional `json:"userType,omitzero"`
	Active      *boolean `json:"active,omitempty"` // absent: active
	Name        *name    `json:"name,omitempty"`
	Emails      []email  `json:"emails,omitempty"`
	Meta        *meta    `json:"meta,omitempty"`
}

type name struct {
	Formatted  optional `json:"formatted,omitzero"`
	GivenName  optional `json:"givenName,omitzero"`
	FamilyName optional `json:"familyName,omitzero"`
}

type email struct {
	Value   string  `json:"value"`
	Primary boolean `json:"primary,omitempty"`
	Type    string  `json:"type,omitempty"`
	Display string  `json:"display,omitempty"`
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

// attributes are those that can be matched and set, by the names of the configuration, as far as the provider shows them.
func (u *user) attributes() map[string]string {
	n := cmp.Or(u.Name, &name{})
	out := map[string]string{"userName": u.UserName}
	put := func(attribute, value string, shown bool) {
		if shown {
			out[attribute] = value
		}
	}
	put("externalId", u.ExternalID, u.ExternalID != "")
	put("mail", u.mail(), u.Emails != nil)
	put("displayName", u.DisplayName.value, u.DisplayName.shown)
	put("title", u.Title.value, u.Title.shown)
	put("userType", u.UserType.value, u.UserType.shown)
	put("givenName", n.GivenName.value, n.GivenName.shown)
	put("familyName", n.FamilyName.value, n.FamilyName.shown)
	put("formatted", n.Formatted.value, n.Formatted.shown)
	return out
}

// mail is the primary address, else the first.
func (u *user) mail() string {
	if len(u.Emails) == 0 {
		return ""
	}
	return u.Emails[u.mainMail()].Value
}

func (u *user) mainMail() int {
	return max(0, slices.IndexFunc(u.Emails, func(e email) bool { return bool(e.Primary) }))
}

// withMail are the addresses with another one in the place of the primary one; the others stay.
func (u *user) withMail(value string) []email {
	if len(u.Emails) == 0 {
		return []email{{Value: value, Primary: true, Type: "work"}}
	}
	out := slices.Clone(u.Emails)
	main := &out[u.mainMail()]
	main.Value, main.Display = value, "" // which may repeat the old one
	return out
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
		u.DisplayName.set(value)
	case "title":
		u.Title.set(value)
	case "userType":
		u.UserType.set(value)
	case "givenName":
		u.Name.GivenName.set(value)
	case "familyName":
		u.Name.FamilyName.set(value)
	case "formatted":
		u.Name.Formatted.set(value)
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
