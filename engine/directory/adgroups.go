package directory

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/go-ldap/ldap/v3"
	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/ldapconn"
)

// sidName is what a group is numbered by as some member's primary group; no DN begins so.
const sidName = "\x00sid:"

// addPrimary takes the membership that Active Directory keeps at the member alone: the primary group, named by the last
// part of its SID ([MS-ADA3] primaryGroupID; [MS-DTYP] 2.4.2.2: a SID ends with that number, 4 bytes, little-endian).
func (g *groups) addPrimary(e *entry) {
	id, sid := e.get("primaryGroupID").values, e.get("objectSid").values
	if len(id) != 1 || len(sid) != 1 || len(sid[0]) < 12 {
		return
	}
	rid, err := strconv.ParseUint(id[0], 10, 32)
	if err != nil {
		return
	}
	group := binary.LittleEndian.AppendUint32([]byte(sidName+sid[0][:len(sid[0])-4]), uint32(rid))
	g.pairs = append(g.pairs, pair{g.number(canonDN(e.dn)), g.number(string(group))})
}

// bySID makes a group known by its SID, for those whose primary group it is.
func (g *groups) bySID(e *entry, at int32) {
	if sid := e.get("objectSid").values; len(sid) == 1 {
		g.self[g.number(sidName+sid[0])] = at
	}
}

// askInChain completes groups whose members are partly neither people nor groups that were read: the server, which sees
// the groups outside the base too, is asked who is a member by any way ([MS-ADTS] 3.1.1.3.4.4, LDAP_MATCHING_RULE_IN_CHAIN).
func (d *ldapDirectory) askInChain(ctx context.Context, people []*engine.Person, g *groups, recent *recency) error {
	cfg := g.of.Group
	if d.profile.Name != "ad" || !cfg.Nested || cfg.MemberOf || cfg.By != "" {
		return nil
	}
	for _, at := range g.withStrangers(people) {
		grp := &g.list[at]
		filter := "(&" + d.cfg.People.Filter + "(memberOf:1.2.840.113556.1.4.1941:=" + ldap.EscapeFilter(grp.dn) + "))"
		var members []string
		err := d.read(ctx, d.request(Search{d.cfg.People.Base, filter}, []string{"1.1"}), recent, func() func(*ldapconn.Entry) error {
			members = nil
			return func(e *ldapconn.Entry) error {
				members = append(members, canonDN(e.DN))
				return nil
			}
		})
		if ctx.Err() != nil {
			return fmt.Errorf("directory %s: %w", d.cfg.Name, ctx.Err())
		}
		if err != nil {
			grp.reasons = append(grp.reasons, engine.Reason{Code: engine.ReasonPartial,
				Detail: fmt.Sprintf("%s: members through groups outside %s: %v", grp.dn, cfg.Base, err)})
		}
		for _, m := range members {
			if n := g.number(m); !slices.Contains(g.in[n], at) {
				g.in[n] = append(g.in[n], at)
			}
		}
	}
	return nil
}

// withStrangers gives the groups, in order, that list somebody who is neither a person nor a group that was read.
func (g *groups) withStrangers(people []*engine.Person) []int32 {
	known := make([]bool, len(g.in))
	for _, p := range people {
		if n, ok := g.member[canonDN(p.Entry)]; ok {
			known[n] = true
		}
	}
	for i := range g.list {
		known[g.member[g.list[i].dn]] = true
	}
	var out []int32
	for name, n := range g.member {
		if !known[n] && !strings.HasPrefix(name, sidName) {
			out = append(out, g.in[n]...)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
