package period

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
)

// Population is a list that samples are drawn from. Members have identities that are unique in it.
type Population struct {
	Name string
	IDs  []string
}

// Populations are all of them. The identity is the person's key; of a holding program, account and entitlement with a NUL
// between them, which no journal has in a name; of cases and decisions the number of the record.
func (f *Findings) Populations() []Population {
	out := []Population{people("joiners", f.Joiners), people("movers", f.Movers), people("leavers", f.Leavers), people("others", f.Others),
		{Name: "holders"}, {Name: "cases"}, {Name: "decisions"}}
	for i := range f.Holders {
		h := &f.Holders[i]
		out[4].IDs = append(out[4].IDs, strings.Join([]string{h.Program, h.Account, h.Entitlement}, "\x00"))
	}
	for i := range f.Cases {
		out[5].IDs = append(out[5].IDs, strconv.FormatInt(f.Cases[i].Seq, 10))
	}
	for i := range f.Decisions {
		out[6].IDs = append(out[6].IDs, strconv.FormatInt(f.Decisions[i].Seq, 10))
	}
	return out
}

func people(name string, list []Person) Population {
	p := Population{Name: name}
	for i := range list {
		p.IDs = append(p.IDs, list[i].Key)
	}
	return p
}

// Drawn is one member of a sample.
type Drawn struct {
	Index  int    // into the population
	Ticket string // hex
}

// Draw gives every member a ticket, the SHA-256 of "rolecall/sample/v1", the seed, the population's name and the identity, each
// of the first three ended by a line feed, and takes the size members with the lowest tickets, lowest first. That is sampling
// without replacement, in which every set of members is equally likely as long as nobody who made the population knew the
// seed (R. Rivest, Consistent Sampling with Replacement, arXiv:1808.10016, with one ticket each). A larger size only adds to
// what a smaller one drew, and who is in the population besides has no influence on a ticket. The seed has no line feed.
func (p *Population) Draw(seed string, size int) []Drawn {
	all := make([]Drawn, 0, len(p.IDs))
	for i, id := range p.IDs {
		sum := sha256.Sum256([]byte("rolecall/sample/v1\n" + seed + "\n" + p.Name + "\n" + id))
		all = append(all, Drawn{i, hex.EncodeToString(sum[:])})
	}
	slices.SortFunc(all, func(a, b Drawn) int {
		return cmp.Or(strings.Compare(a.Ticket, b.Ticket), cmp.Compare(a.Index, b.Index))
	})
	return all[:min(size, len(all))]
}
