package main

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	v2 "github.com/conductorone/baton-sdk/pb/c1/connector/v2"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/rolecall/rolecall/connectors/plugin/sdk"
)

const whole = `group:read "Readers" shared  group:all:member
user:1 "ann" personal 4711 
user:2 "Ben Smith" personal  
user:3 "Łucja" personal  group:all:member
user:4 "old" personal 17 group:all:member,group:read:member
user:5 "eve:x" personal  group:all:member,group:read:member`

// Three pages of users, groups below an organisation, a group in a group.
func TestLists(t *testing.T) {
	t.Parallel()
	p := newWorld(t).open(nil)
	for range 2 {
		if got, err := list(t, p); got != whole || err != nil {
			t.Fatalf("%v\n%s", err, got)
		}
	}
	names, err := p.Entitlements(t.Context())
	same(t, "rights", names, []string{`group:Büro "Süd":member`, "group:Write all:member", "group:all:member", "group:read:member"})
	if err != nil {
		t.Error(err)
	}
	var ann sdk.Account
	_ = p.Accounts(t.Context(), func(a sdk.Account) {
		if a.ID == "user:1" {
			ann = a
		}
	})
	if a := ann.Attributes; a["mail"] != "ann@example.com" || a["level"] != "3" || a["status"] != "enabled" {
		t.Errorf("%v", a)
	}
}

// Whatever part of a list does not come, what came is a part.
func TestAPartIsAPart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.open(nil)
	for fault, gone := range map[string]string{"users error": "user:5", "grants error": "user:3 \"Łucja\" personal  group:all", "entitlements error": "group:read:member"} {
		w.fault(fault)
		got, err := list(t, p)
		if err == nil || got == "" || strings.Contains(got, gone) {
			t.Errorf("%s: %v\n%s", fault, err, got)
		}
	}
	w.fault("twice error")
	if got, err := list(t, p); err == nil || !strings.Contains(err.Error(), "listed twice") {
		t.Errorf("a user is listed twice: %v\n%s", err, got)
	}
	w.fault("users busy") // once: the page is asked for again
	if got, err := list(t, p); got != whole || err != nil {
		t.Errorf("%v\n%s", err, got)
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.open(map[string]any{"names": map[string]string{"readers": "group:read:member"}})
	if got, err := list(t, p); err != nil || got != strings.ReplaceAll(whole, "group:read:member", "readers") {
		t.Errorf("%v\n%s", err, got)
	}
	o, err := p.Grant(t.Context(), "user:1", "readers")
	want(t, "by its name", o, err, sdk.Done)
	o, err = p.Grant(t.Context(), "user:1", "group:read:member")
	want(t, "by the id that has a name", o, err, sdk.Refused)
	o, err = p.Revoke(t.Context(), "user:1", "group:read:member")
	want(t, "revoke by the id that has a name", o, err, sdk.Refused, `is called "readers"`)
	if _, err := list(t, w.open(map[string]any{"names": map[string]string{"group:all:member": "group:read:member"}})); err == nil {
		t.Error("a name that is the id of another one passes")
	}
}

func TestChanges(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.open(nil)
	for _, c := range []struct {
		grant         bool
		account, name string
		outcome       sdk.Outcome
	}{
		{true, "user:1", `group:Büro "Süd":member`, sdk.Done}, {true, "user:1", `group:Büro "Süd":member`, sdk.Already},
		{false, "user:1", `group:Büro "Süd":member`, sdk.Done}, {false, "user:1", `group:Büro "Süd":member`, sdk.Already},
		{true, "user:9", "group:read:member", sdk.Refused}, {false, "user:9", "group:read:member", sdk.Already},
		{true, "user:1", "group:gone:member", sdk.Refused}, {false, "user:1", "group:gone:member", sdk.Already},
		{true, "group:read", "group:Write all:member", sdk.Refused}, // nobody's account
		{false, "user:5", "group:all:member", sdk.Refused},          // can't be taken, says the connector
		{false, "user:3", "group:all:member", sdk.Done},             // stands on the second page
	} {
		do := p.Revoke
		if c.grant {
			do = p.Grant
		}
		o, err := do(t.Context(), c.account, c.name)
		want(t, c.account+" "+c.name, o, err, c.outcome)
	}
	same(t, "left", w.members("all"), []string{"4", "5"})
	o, err := p.Grant(t.Context(), "group:read", "group:Write all:member")
	want(t, "for a group", o, err, sdk.Refused, "no account of a person")
}

// An account that came after the estate was read is found.
func TestNewAccountsAreFound(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.open(nil)
	o, err := p.Grant(t.Context(), "user:1", "group:read:member")
	want(t, "before", o, err, sdk.Done)
	w.write("", strings.Replace(estateJSON, `"users": {`, `"users": {"7": {"login": "new"}, `, 1))
	o, err = p.Grant(t.Context(), "user:7", "group:read:member")
	want(t, "after", o, err, sdk.Done)
}

func TestWhatErrorsMean(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.open(nil)
	for fault, outcome := range map[string]sdk.Outcome{"change denies": sdk.Failed, "changed denies": sdk.Done, "change error": sdk.Unknown, "changed loses": sdk.Unknown} {
		w.write("", estateJSON)
		w.fault(fault)
		o, err := p.Grant(t.Context(), "user:1", "group:read:member")
		want(t, fault, o, err, outcome)
		w.well()
		if there := len(w.members("read")) == 3; there != strings.HasPrefix(fault, "changed") {
			t.Errorf("%s: %v", fault, there)
		}
	}
	w.fault("changed hang")
	p.patience = 300 * time.Millisecond
	o, err := p.Revoke(t.Context(), "user:4", "group:read:member")
	want(t, "hang", o, err, sdk.Unknown)
}

// Where the grants of a resource can't be listed, a leaver's right is taken all the same, and nobody gets one.
func TestBlindRevoke(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.open(nil)
	if _, err := list(t, p); err != nil {
		t.Fatal(err)
	}
	w.fault("grants error")
	o, err := p.Grant(t.Context(), "user:1", "group:all:member")
	want(t, "grant", o, err, sdk.Failed, "can't be listed")
	o, err = p.Revoke(t.Context(), "user:3", "group:all:member")
	want(t, "revoke", o, err, sdk.Done)
	same(t, "left", w.members("all"), []string{"4", "5"})
}

// A connector that dies in the middle: the list is a part, the change is unknown, and the plug-in ends, to be started anew.
func TestConnectorDies(t *testing.T) {
	t.Parallel()
	for _, fault := range []string{"grants die", "change die", "changed die"} {
		w := newWorld(t)
		p := w.open(nil)
		if _, err := list(t, p); err != nil {
			t.Fatal(err)
		}
		w.fault(fault)
		if fault == "grants die" {
			if got, err := list(t, p); err == nil || !strings.Contains(got, "user:4") {
				t.Errorf("%v\n%s", err, got)
			}
		} else {
			o, err := p.Grant(t.Context(), "user:1", "group:read:member")
			want(t, fault, o, err, sdk.Unknown)
		}
		select {
		case <-p.ended:
		case <-time.After(10 * time.Second):
			t.Errorf("%s: the plug-in goes on", fault)
		}
	}
}

func TestAccounts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.open(nil)
	create := func(name, person string) (string, sdk.Outcome, error) {
		return p.Create(t.Context(), sdk.NewAccount{Name: name, Person: person, Attributes: map[string]string{"mail": "dan@example.com"}})
	}
	made, o, err := create("Dan É", "k1")
	want(t, "create", o, err, sdk.Done)
	if again, o, err := create("Dan É", "k1"); o != sdk.Already || again != made || err != nil {
		t.Errorf("again: %s, %s, %v", again, o, err)
	}
	_, o, err = create("Dan É", "k2")
	want(t, "for somebody else", o, err, sdk.Refused)
	_, o, err = create("Ben Smith", "")
	want(t, "for nobody", o, err, sdk.Refused)
	if got, err := list(t, p); err != nil || !strings.Contains(got, made+` "Dan É" personal k1 `) {
		t.Errorf("%v\n%s", err, got)
	}
	w.fault("created loses")
	_, o, err = create("Fay", "k3")
	want(t, "lost answer", o, err, sdk.Unknown)
	w.well()
	if _, o, err = create("Fay", "k3"); o != sdk.Already {
		t.Errorf("after a lost answer: %s, %v", o, err)
	}
	w.fault("careless error") // about names
	_, o, err = create("Ben Smith", "k2")
	want(t, "a name that the connector would give twice", o, err, sdk.Refused)
	w.well()
	for _, outcome := range []sdk.Outcome{sdk.Done, sdk.Already} {
		o, err := p.Delete(t.Context(), made)
		want(t, "delete", o, err, outcome)
	}
	o, err = p.Delete(t.Context(), "group:read")
	want(t, "delete a group", o, err, sdk.Refused)
}

// What a part of the lists does not show is not known to be away.
func TestAPartProvesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.fault("users error")
	p := w.open(nil)
	o, err := p.Revoke(t.Context(), "user:5", "group:read:member")
	want(t, "revoke", o, err, sdk.Failed)
	o, err = p.Grant(t.Context(), "user:5", "group:read:member")
	want(t, "grant", o, err, sdk.Failed)
	o, err = p.Delete(t.Context(), "user:5")
	want(t, "delete", o, err, sdk.Failed)
	_, o, err = p.Create(t.Context(), sdk.NewAccount{Name: "eve:x", Person: "k"})
	want(t, "create", o, err, sdk.Failed)
	if _, err := p.Entitlements(t.Context()); err == nil {
		t.Error("the list of rights is whole")
	}
	w.well()
	o, err = p.Revoke(t.Context(), "user:5", "group:read:member")
	want(t, "revoke", o, err, sdk.Done)
}

func TestNoAccounts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := &creating{newProgram([]string{small(t)}, 1, &syncBuffer{})}
	t.Cleanup(p.close)
	raw, _ := json.Marshal(w.config(map[string]any{"fields": map[string]string{"path": w.path, "no-accounts": "true"}}))
	if _, err := p.Open(t.Context(), sdk.Settings{Config: raw, Secrets: secrets()}); err == nil || !strings.Contains(err.Error(), "leave out -accounts") {
		t.Error(err)
	}
}

// noTypes lists no types of resources.
type noTypes struct{}

func (noTypes) ListResourceTypes(context.Context, *v2.ResourceTypesServiceListResourceTypesRequest, ...grpc.CallOption) (*v2.ResourceTypesServiceListResourceTypesResponse, error) {
	return &v2.ResourceTypesServiceListResourceTypesResponse{}, nil
}

// A connector without users lists no accounts; that is not nobody.
func TestNoUsers(t *testing.T) {
	t.Parallel()
	p := &creating{newProgram(nil, 1, nil)}
	p.c = &child{types: noTypes{}}
	if got, err := list(t, p); got != "" || err == nil {
		t.Errorf("%v\n%s", err, got)
	}
}

// What a connector keeps has an end.
func TestSessionsAreBounded(t *testing.T) {
	t.Parallel()
	s := &sessions{size: maxSessions - 2, values: map[sessionKey][]byte{}}
	a, b := sessionKey{key: "a"}, sessionKey{key: "b"}
	if err := s.set(a, []byte("xy")); err != nil {
		t.Error(err)
	}
	if err := s.set(b, []byte("x")); err == nil {
		t.Error("more than may be")
	}
	s.remove(a)
	if err := s.set(b, []byte("x")); err != nil || s.size != maxSessions-1 {
		t.Error(err, s.size)
	}
}

// What the connector rules out is not asked for.
func TestRefusals(t *testing.T) {
	t.Parallel()
	fixed, _ := anypb.New(&v2.EntitlementImmutable{})
	user, group := v2.ResourceType_builder{Id: "user", Traits: []v2.ResourceType_Trait{v2.ResourceType_TRAIT_USER}}.Build(), v2.ResourceType_builder{Id: "group"}.Build()
	who := v2.Resource_builder{Id: v2.ResourceId_builder{ResourceType: "user", Resource: "1"}.Build()}.Build()
	e := &estate{types: map[string]*v2.ResourceType{"user": user}}
	for what, c := range map[string]struct {
		right   v2.Entitlement_builder
		refused bool
	}{
		"anybody's":   {v2.Entitlement_builder{}, false},
		"for users":   {v2.Entitlement_builder{GrantableTo: []*v2.ResourceType{group, user}}, false},
		"for groups":  {v2.Entitlement_builder{GrantableTo: []*v2.ResourceType{group}}, true},
		"not changed": {v2.Entitlement_builder{Annotations: []*anypb.Any{fixed}}, true},
	} {
		if err := (pair{e, c.right.Build(), who}).refusal("user:1", "r"); (err != nil) != c.refused {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// Somebody else took the name after the estate was read: the connector says so.
func TestNameTakenMeanwhile(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.open(nil)
	if _, err := list(t, p); err != nil {
		t.Fatal(err)
	}
	w.write("", strings.Replace(estateJSON, `"users": {`, `"users": {"7": {"login": "new", "employee": "k7"}, `, 1))
	_, o, err := p.Create(t.Context(), sdk.NewAccount{Name: "new", Person: "k8"})
	want(t, "another one's", o, err, sdk.Refused)
	if _, err := list(t, p); err != nil { // and keeps what was listed
		t.Fatal(err)
	}
	w.write("", strings.Replace(estateJSON, `"users": {`, `"users": {"8": {"login": "newer", "employee": "k8"}, `, 1))
	if id, o, err := p.Create(t.Context(), sdk.NewAccount{Name: "newer", Person: "k8"}); id != "user:8" || o != sdk.Already {
		t.Error(id, o, err)
	}
}

// The token is in the environment of the connector and nowhere else, the key in a file that nobody can find.
func TestSecretsStayInside(t *testing.T) {
	w := newWorld(t)
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	t.Setenv("OTHER_SECRET", "canary-other")
	p := w.open(nil) // the connector has read the key from its path, twice
	read := func(name string) string {
		text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(p.c.cmd.Process.Pid), name))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	if args := read("cmdline"); strings.Contains(args, "canary") || !strings.Contains(args, "_connector-service") {
		t.Errorf("%q", args)
	}
	env := read("environ")
	if !strings.Contains(env, "BATON_API_TOKEN="+token) || strings.Contains(env, "canary-88b1") || strings.Contains(env, "canary-other") {
		t.Errorf("%q", env)
	}
	for _, e := range os.Environ() {
		if strings.Contains(e, token) {
			t.Errorf("our own environment has %s", e)
		}
	}
	left, err := os.ReadDir(tmp)
	if err != nil || len(left) > 0 {
		t.Errorf("%v, %v", left, err)
	}
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for say, change := range map[string]func(c map[string]any, s map[string]string){
		"target is missing":      func(c map[string]any, _ map[string]string) { delete(c, "target") },
		"unknown field":          func(c map[string]any, _ map[string]string) { c["tagret"] = "x" },
		"none, sso or random":    func(c map[string]any, _ map[string]string) { c["login"] = "guess" },
		"not among secrets":      func(_ map[string]any, s map[string]string) { delete(s, "key-file") },
		"both fields and":        func(c map[string]any, _ map[string]string) { c["fields"] = map[string]string{"api-token": "x"} },
		"two names":              func(c map[string]any, _ map[string]string) { c["names"] = map[string]string{"a": "x", "b": "x"} },
		"Unauthenticated: wrong": func(_ map[string]any, s map[string]string) { s["api-token"] = "x" },
		"ended (exit status":     func(c map[string]any, _ map[string]string) { c["fields"] = map[string]string{} },
	} {
		c, s := w.config(nil), secrets()
		change(c, s)
		say = strings.Replace(say, "not among secrets", "is not among secrets", 1)
		raw, _ := json.Marshal(c)
		p := newProgram([]string{small(t)}, 1, &syncBuffer{})
		_, err := p.Open(context.Background(), sdk.Settings{Config: raw, Secrets: s})
		p.close()
		if err == nil || !strings.Contains(err.Error(), say) || strings.Contains(err.Error(), "canary") {
			t.Errorf("%v does not say %q", err, say)
		}
	}
}

// Answers that point elsewhere than to the next page.
func TestFollow(t *testing.T) {
	t.Parallel()
	more, _ := anypb.New(v2.EnqueuePageTokens_builder{PageTokens: []string{"b", "c"}}.Build())
	tokens, err := follow("a", []*anypb.Any{more})
	same(t, "tokens", tokens, []string{"a", "b", "c"})
	replay, _ := anypb.New(&v2.SourceCacheReplay{})
	if _, wrong := follow("", []*anypb.Any{replay}); err != nil || wrong == nil {
		t.Error(err, wrong)
	}
}

// A page that comes twice, or names a page that was there, is no whole list.
func TestPagesInACircle(t *testing.T) {
	t.Parallel()
	circle := func(string) (*v2.ResourcesServiceListResourcesResponse, error) {
		return v2.ResourcesServiceListResourcesResponse_builder{NextPageToken: "again"}.Build(), nil
	}
	n := 0
	err := pages(t.Context(), &reader{c: &child{}}, circle, func([]*v2.Resource, []*anypb.Any) error {
		if n++; n > 1 {
			return errors.New("it goes on")
		}
		return nil
	})
	if err == nil || n != 1 {
		t.Errorf("%d pages, %v", n, err)
	}
}

func TestIDs(t *testing.T) {
	t.Parallel()
	for want, r := range map[string]*v2.ResourceId{"user:a:b": v2.ResourceId_builder{ResourceType: "user", Resource: "a:b"}.Build(),
		"us%3Aer%25:7": v2.ResourceId_builder{ResourceType: "us:er%", Resource: "7"}.Build()} {
		if got := id(r); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

// A grant whose holder or right is not known makes the list a part, whichever way it is not known.
func TestStrangeGrants(t *testing.T) {
	t.Parallel()
	user := &v2.ResourceType{}
	user.SetId("user")
	user.SetTraits([]v2.ResourceType_Trait{v2.ResourceType_TRAIT_USER})
	who := func(kind string) *v2.Resource {
		return v2.Resource_builder{Id: v2.ResourceId_builder{ResourceType: kind, Resource: "9"}.Build()}.Build()
	}
	external, _ := anypb.New(&v2.ExternalResourceMatchAll{})
	insert, _ := anypb.New(&v2.InsertResourceGrants{})
	for what, c := range map[string]struct {
		grant v2.Grant_builder
		right string
		ok    bool
	}{
		"an unlisted user":     {v2.Grant_builder{Principal: who("user")}, "r", false},
		"an inserted user":     {v2.Grant_builder{Principal: who("user"), Annotations: []*anypb.Any{insert}}, "r", true},
		"of another program":   {v2.Grant_builder{Principal: who("role"), Annotations: []*anypb.Any{external}}, "r", false},
		"an unlisted right":    {v2.Grant_builder{Principal: who("role")}, "unlisted", false},
		"something else holds": {v2.Grant_builder{Principal: who("role")}, "r", true},
	} {
		e := &estate{types: map[string]*v2.ResourceType{"user": user}, things: map[string]*v2.Resource{}, rights: map[string]*v2.Entitlement{"r": {}}}
		l := &listing{p: newProgram(nil, 1, nil), e: e, accounts: map[string]*sdk.Account{}, holds: map[string]map[string]bool{}}
		c.grant.Entitlement = v2.Entitlement_builder{Id: c.right}.Build()
		err := l.take([]*v2.Grant{c.grant.Build()}, nil)
		if (err == nil) != c.ok || (len(l.accounts) == 1) != c.ok {
			t.Errorf("%s: %v, %d accounts", what, err, len(l.accounts))
		}
	}
}

// Two resources with one entitlement id can't be told apart: the list is a part, and it is not changed.
func TestEntitlementOfTwo(t *testing.T) {
	t.Parallel()
	e := &estate{rights: map[string]*v2.Entitlement{}, twice: map[string]bool{}}
	for _, of := range []string{"1", "2"} {
		e.addRight(v2.Entitlement_builder{Id: "r", Resource: v2.Resource_builder{Id: v2.ResourceId_builder{ResourceType: "g", Resource: of}.Build()}.Build()}.Build())
	}
	if e.err() == nil || (pair{e: e, right: e.rights["r"]}).settled() == nil {
		t.Error(e.err())
	}
}
