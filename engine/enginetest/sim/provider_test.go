package sim

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/enginetest"
)

// What a SCIM service provider shows (RFC 7643), made anew from the program's truth for each answer.
type scimUser struct {
	ID         string `json:"id"`
	UserName   string `json:"userName"`
	ExternalID string `json:"externalId,omitempty"`
	Active     bool   `json:"active"`
}

type scimGroup struct {
	ID          string        `json:"id"`
	DisplayName string        `json:"displayName"`
	Members     *[]scimMember `json:"members,omitempty"`
}

type scimMember struct {
	Value string `json:"value"`
}

type scimPage struct {
	TotalResults int   `json:"totalResults"`
	Resources    []any `json:"Resources"`
}

// groupID is that of a group, which is another one after the group was made anew under its name.
func (p *program) groupID(right string) string { return fmt.Sprintf("%s-%d", right, p.anew[right]) }

func rightOf(groupID string) string { right, _, _ := strings.Cut(groupID, "-"); return right }

func problem(status int, detail string) *answer {
	return &answer{status: status, body: mustJSON(map[string]any{"schemas": []string{"urn:ietf:params:scim:api:messages:2.0:Error"}, "status": strconv.Itoa(status), "detail": detail})}
}

func shown(status int, what any) *answer {
	body := mustJSON(what)
	h := fnv.New32a()
	_, _ = h.Write(body)
	return &answer{status: status, header: [][2]string{{"ETag", fmt.Sprintf(`W/"%x"`, h.Sum32())}}, body: body}
}

// answers is the answer to a read. Single resources are shown as they are, lists as they were.
func (t *overSCIM) answers(r *http.Request) *answer {
	path, id, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/scim/v2/"), "/")
	switch {
	case path == "ServiceProviderConfig":
		return shown(http.StatusOK, map[string]any{"etag": map[string]any{"supported": t.wired.etag}})
	case id != "":
		return t.single(path, id)
	}
	q := r.URL.Query()
	if q.Get("filter") != "" && t.wired.filters != 0 {
		return problem(t.wired.filters, "no filters")
	}
	return t.page(q, t.listed(path, q))
}

func (t *overSCIM) single(path, id string) *answer {
	for _, x := range t.resources(path, t.p.Truth(), true) {
		if idOf(x) == id {
			return shown(http.StatusOK, x)
		}
	}
	return problem(http.StatusNotFound, "there is no "+path+" "+id)
}

func idOf(x any) string {
	if u, ok := x.(scimUser); ok {
		return u.ID
	}
	return x.(scimGroup).ID
}

// listed is what a list shows, in order.
func (t *overSCIM) listed(path string, q url.Values) []any {
	held := t.p.Shown()
	for last := len(held) - 1; t.hiding && last >= 0; last = -1 {
		held = slices.DeleteFunc(held, func(h engine.Holding) bool { return h.Account == held[last].Account })
	}
	all := t.resources(path, held, t.wired.members && q.Get("excludedAttributes") == "")
	if _, value, ok := strings.Cut(q.Get("filter"), " eq "); ok {
		var want string
		_ = json.Unmarshal([]byte(value), &want)
		all = slices.DeleteFunc(all, func(x any) bool {
			u, user := x.(scimUser)
			return user && !strings.EqualFold(u.UserName, want) || !user && !strings.EqualFold(x.(scimGroup).DisplayName, want)
		})
	}
	return all
}

func (t *overSCIM) resources(path string, held []engine.Holding, members bool) (out []any) {
	if path == "Users" {
		return usersOf(held)
	}
	for _, right := range []string{"x", "y", "z"} {
		g := scimGroup{ID: t.p.groupID(right), DisplayName: groupName + right}
		if members {
			g.Members = &[]scimMember{}
			for _, h := range held {
				if h.Entitlement == right {
					*g.Members = append(*g.Members, scimMember{h.Account})
				}
			}
		}
		out = append(out, g)
	}
	return out
}

func usersOf(held []engine.Holding) (out []any) {
	for i, h := range held {
		if h.Entitlement == engine.Exists {
			active := i+1 < len(held) && held[i+1].Account == h.Account && held[i+1].Entitlement == engine.Active
			out = append(out, scimUser{h.Account, h.Info.Name, h.Info.Attributes["person"], active})
		}
	}
	return out
}

// page is one page of a list, sometimes not the right one: again one that came before, one that lacks what it should have, or with
// another total. What is left out without a trace is not played: nothing in the protocol tells it from what is not there.
func (t *overSCIM) page(q url.Values, all []any) *answer {
	start, _ := strconv.Atoi(q.Get("startIndex"))
	count, _ := strconv.Atoi(q.Get("count"))
	p, m, total := t.p, t.p.m, len(all)
	if !m.quiet {
		switch n := p.faults.IntN(2000); {
		case n < 10 && start > 1:
			start = 1
			m.fault("http: page repeated", "%s lists a page again", p.Name)
		case n < 10 && total > 1:
			all = append(all[:total-1:total-1], all[0])
			m.fault("http: page repeated", "%s lists somebody twice", p.Name)
		case n < 18 && total > 0:
			all = all[:min(total, start-1+min(count, total-start+1)/2)]
			m.fault("http: page cut short", "%s lists %d of %d", p.Name, len(all), total)
		case n < 26:
			total += 1 + p.faults.IntN(3)
			m.fault("http: another total", "%s says that there are %d of %d", p.Name, total, len(all))
		}
	}
	part := scimPage{TotalResults: total, Resources: []any{}}
	if from := max(start, 1) - 1; from < len(all) {
		part.Resources = all[from:min(len(all), from+count)]
	}
	return &answer{status: http.StatusOK, body: mustJSON(part)}
}

// change is what a request is to change.
type change struct {
	all  []enginetest.ProgramCall
	user scimUser          // of a new account, or the new name and person of one
	of   string            // whose version is compared: the path of the resource
	set  map[string]string // attributes of an update
}

// changesOf reads a request. What can't be understood changes nothing, which its answer then says.
func changesOf(r *http.Request, body []byte) (c change) {
	path, id, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/scim/v2/"), "/")
	c.of = path + "/" + id
	switch {
	case r.Method == http.MethodPost:
		_ = json.Unmarshal(body, &c.user)
		c.all = []enginetest.ProgramCall{{Op: "create", Account: c.user.UserName}}
	case r.Method == http.MethodDelete:
		c.all = []enginetest.ProgramCall{{Op: "revoke", Account: id, Entitlement: engine.Exists}}
	default:
		var patch struct {
			Operations []struct {
				Op, Path string
				Value    json.RawMessage
			}
		}
		_ = json.Unmarshal(body, &patch)
		for _, op := range patch.Operations {
			c.operation(id, op.Op, op.Path, op.Value)
		}
	}
	return c
}

func (c *change) operation(id, op, path string, value json.RawMessage) {
	right := rightOf(id)
	var text string
	_ = json.Unmarshal(value, &text)
	switch {
	case path == "members":
		var members []scimMember
		_ = json.Unmarshal(value, &members)
		for _, m := range members {
			c.all = append(c.all, enginetest.ProgramCall{Op: "grant", Account: m.Value, Entitlement: right})
		}
	case strings.HasPrefix(path, "members[value eq "):
		_ = json.Unmarshal([]byte(strings.TrimSuffix(strings.TrimPrefix(path, "members[value eq "), "]")), &text)
		c.all = append(c.all, enginetest.ProgramCall{Op: "revoke", Account: text, Entitlement: right})
	case path == "active":
		does := map[string]string{"true": "grant", "false": "revoke"}[string(value)]
		c.all = append(c.all, enginetest.ProgramCall{Op: does, Account: id, Entitlement: engine.Active})
	default:
		if c.set == nil {
			c.set = map[string]string{}
			c.all = append(c.all, enginetest.ProgramCall{Op: "update", Account: id})
		}
		c.set[path] = text
	}
}

// pretends is the answer to a change that is not made.
func (t *overSCIM) pretends(c *change) *answer {
	if c.all[0].Op == "create" {
		u := c.user
		u.ID = "nobody"
		return shown(http.StatusCreated, u)
	}
	return &answer{status: http.StatusNoContent}
}

// takesEffect makes the changes of a request, all or none.
func (t *overSCIM) takesEffect(r *http.Request, c *change) *answer {
	if id, group := strings.CutPrefix(c.of, "Groups/"); group && id != t.p.groupID(rightOf(id)) {
		return problem(http.StatusNotFound, "there is no group "+id)
	}
	if match := r.Header.Get("If-Match"); t.wired.etag && match != "" {
		path, id, _ := strings.Cut(c.of, "/")
		if now := t.single(path, id); len(now.header) == 0 || now.header[0][1] != match || !t.p.m.quiet && t.p.faults.chance(40) {
			t.p.m.fault("http: changed meanwhile", "%s was changed meanwhile", c.of)
			return problem(http.StatusPreconditionFailed, "changed meanwhile")
		}
	}
	for _, call := range c.all {
		if call.Op == "grant" && !t.p.Has(call.Account, engine.Exists) {
			return problem(http.StatusBadRequest, "there is no user "+call.Account)
		}
	}
	for _, call := range c.all {
		if a := t.effect(r, c, call); a != nil {
			return a
		}
	}
	return &answer{status: http.StatusNoContent}
}

// effect makes one change, and gives the answer to it if it is another one than the usual.
func (t *overSCIM) effect(r *http.Request, c *change, call enginetest.ProgramCall) *answer {
	p, ctx := t.p.Program, r.Context()
	switch call.Op {
	case "grant":
		_, _ = p.Grant(ctx, call.Account, call.Entitlement)
	case "revoke":
		if !strings.HasPrefix(c.of, "Groups/") && !p.Has(call.Account, engine.Exists) {
			return problem(http.StatusNotFound, "there is no user "+call.Account)
		}
		_, _ = p.Revoke(ctx, call.Account, call.Entitlement)
	case "update":
		return t.renames(r, c, call.Account)
	case "create":
		id, outcome, err := p.Create(ctx, engine.NewAccount{Name: c.user.UserName, Person: c.user.ExternalID})
		if outcome != engine.Done {
			return problem(http.StatusConflict, fmt.Sprint("uniqueness: ", err))
		}
		t.p.m.check.born(t.p.Name, c.user.UserName, id)
		c.user.ID = id
		return shown(http.StatusCreated, c.user)
	}
	return nil
}

func (t *overSCIM) renames(r *http.Request, c *change, id string) *answer {
	to := engine.NewAccount{Name: c.set["userName"], Attributes: map[string]string{}}
	if person, ok := c.set["externalId"]; ok {
		to.Attributes["person"] = person
	}
	for _, h := range t.p.Truth() {
		if h.Account == id && h.Info != nil && to.Name == "" {
			to.Name = h.Info.Name
		}
	}
	if outcome, err := t.p.Rename(r.Context(), id, to); outcome != engine.Done {
		return problem(http.StatusConflict, fmt.Sprint("uniqueness: ", err))
	}
	return nil
}
