package directory

import (
	"fmt"
	"runtime"
	"slices"
	"testing"

	"github.com/rolecall/rolecall/engine"
)

// rolesAmong reads one person, a, and groups: what they are in, and how many bytes were taken for it in all.
func rolesAmong(t *testing.T, groups func(yield func(name string, members []string))) (roles []string, taken uint64) {
	t.Helper()
	var before, after runtime.MemStats
	cfg := Config{Key: "uid", Now: noon, Roles: []RoleSource{{Group: &Groups{Nested: true}}}}
	b := newBuilder(&cfg)
	b.person(&entry{place: "uid=a", dn: "uid=a", attrs: []raw{{name: "uid", values: []string{"a"}}}})
	runtime.ReadMemStats(&before)
	groups(func(name string, members []string) {
		b.groups[0].add(&entry{place: "cn=" + name, dn: "cn=" + name, attrs: []raw{{name: "cn", values: []string{name}}, {name: "member", values: members}}})
	})
	if _, err := b.finish(t.Context(), func(p engine.Person) error { roles = p.Roles; return nil }); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	return roles, after.TotalAlloc - before.TotalAlloc
}

// Ten thousand groups, each within the next and the last within the first: each is walked once, and whoever is in one is in all.
func TestTenThousandGroupsInACircle(t *testing.T) {
	const n = 10_000
	roles, taken := rolesAmong(t, func(yield func(string, []string)) {
		for i := range n {
			members := []string{fmt.Sprintf("cn=g%d", (i+1)%n)}
			if i == n/2 {
				members = append(members, "uid=a")
			}
			yield(fmt.Sprintf("g%d", i), members)
		}
	})
	if len(roles) != n {
		t.Errorf("%d roles", len(roles))
	}
	if taken > 128<<20 {
		t.Errorf("%d MiB were taken", taken>>20)
	}
}

// A group of a million members takes some bytes for each of them, and those who are there are found among them.
func TestAGroupOfAMillion(t *testing.T) {
	n := 1_000_000
	if testing.Short() {
		n /= 10
	}
	roles, taken := rolesAmong(t, func(yield func(string, []string)) {
		members := make([]string, n)
		for i := range members {
			members[i] = fmt.Sprintf("uid=p%d", i)
		}
		members[n-1] = "uid=a"
		yield("all", members)
	})
	if !slices.Equal(roles, []string{"group:all"}) {
		t.Errorf("%q", roles)
	}
	if taken > 512*uint64(n) {
		t.Errorf("%d MiB were taken", taken>>20)
	}
}
