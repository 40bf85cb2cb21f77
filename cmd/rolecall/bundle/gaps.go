package bundle

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/rolecall/rolecall/cmd/rolecall/config"
	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/audit/period"
)

// uncovered is everything that the bundle can't vouch for: what the records say of it, what the configuration leaves out, and
// what no checkpoint covers.
func (c *content) uncovered() []period.Gap {
	all := slices.Concat(c.seals.gaps(&c.manifest, c.found), c.configured(), c.authors(), c.found.Gaps)
	slices.SortStableFunc(all, func(a, b period.Gap) int { return cmp.Compare(a.Code, b.Code) })
	return all
}

func (s *Seals) gaps(m *Manifest, f *period.Findings) (out []period.Gap) {
	add := func(code string, n int64, record int64, format string, args ...any) {
		out = append(out, period.Gap{Code: code, N: int(n), Record: record, What: fmt.Sprintf(format, args...)})
	}
	switch {
	case s.Seal == nil:
		add("unsealed", m.Records, 1, "records that no checkpoint from outside the store covers: whoever can write there can have rewritten them all")
	case s.Seal.Size < m.Records:
		add("tail", m.Records-s.Seal.Size, s.Seal.Size+1, "records that came after the newest checkpoint: they could still be replaced unseen; the first one is named")
	}
	if s.Seal == nil || s.Seal.Size <= m.Records {
		add("open-end", 1, m.Records, "the last record in the bundle is the last one that anything shows; nothing proves that none followed it before the end of the period")
	}
	if s.Former == nil && f.First > 1 {
		add("no-former", 1, 0, "no checkpoint from before the period is in the store, so nothing shows what was sealed then; an own copy can be given to verify-bundle as --checkpoint")
	}
	if m.Made.Before(m.To) {
		add("not-over", 1, 0, "the bundle was made before the period was over")
	}
	add("claims", 1, 0, "the times of records and checkpoints, and what programs and directories answered, are what was recorded: no proof makes them true")
	add("nobody", 1, 0, "people who never had an account, and accounts of programs that Rolecall does not read, are in no population")
	return out
}

// configured is what the configurations in force left out.
func (c *content) configured() (out []period.Gap) {
	for _, v := range c.found.Configs {
		var recorded struct{ Text string }
		if json.Unmarshal(v.Data, &recorded) != nil {
			continue
		}
		f, whole := config.Recorded(recorded.Text)
		add := func(code, format string, args ...any) {
			out = append(out, period.Gap{Code: code, N: 1, Record: v.Seq, What: fmt.Sprintf(format, args...)})
		}
		if !whole {
			add("config", "the configuration of record %d is not one that this version reads whole, so what it left out may be more than is listed", v.Seq)
		}
		for _, name := range sortedKeys(f.Programs) {
			if p := f.Programs[name]; p != nil && p.Revoke == engine.RevokeNever {
				add("revocation-off", "nothing is taken in %s but by a cut (revoke: never)", name)
			}
		}
		if f.Leavers.Unmanaged == engine.UnmanagedReport {
			add("leavers-unmanaged", "what leavers hold and Rolecall does not manage stays with them (leavers: unmanaged: report); leavers.csv names them")
		}
		if !f.Approvals.FourEyes {
			add("four-eyes", "whoever changed the policy could approve what follows from it (four_eyes: false)")
		}
		for range f.Expect {
			add("limit-raised", "an announced wave (expect:) raised limits: see the configuration of record %d", v.Seq)
		}
	}
	return out
}

// authors are the policies of which nobody can tell who wrote them.
func (c *content) authors() (out []period.Gap) {
	for _, v := range c.found.Policies {
		var who struct{ Commit, Unknown string }
		if err := json.Unmarshal(v.Data, &who); err == nil && who.Commit == "" && who.Unknown == "" {
			out = append(out, period.Gap{Code: "four-eyes", N: 1, Record: v.Seq, What: "who wrote policy " + short(v.Hash) + " is not known (it is not in Git), so its author could approve what follows from it"})
		}
	}
	return out
}
