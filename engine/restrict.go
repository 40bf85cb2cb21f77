package engine

import (
	"errors"
	"fmt"
	"time"
)

// Errors of a reviewed plan; all mean that nothing was changed.
var (
	ErrEdited  = errors.New("the plan file was changed after it was written")
	ErrUsed    = errors.New("the plan was applied already")
	ErrTooOld  = errors.New("the plan is older than 24 hours")
	ErrVersion = errors.New("the plan file has another version")
)

// Check says whether a plan that was read from a file is the one that was written.
func (p *Plan) Check() error {
	if p.Version != PlanVersion {
		return fmt.Errorf("%w: %d, this program writes %d", ErrVersion, p.Version, PlanVersion)
	}
	if identify(p) != p.ID || p.sum() != p.Sum {
		return ErrEdited
	}
	return nil
}

func (p *Plan) sum() string { return shortHash(p.ID, p.Time.UTC().Format(time.RFC3339Nano)) }

// restrict keeps of a fresh plan what a reviewed one has as well, so that nothing is applied that nobody saw; dropped
// are the reviewed lines that no longer hold.
func (p *Plan) restrict(reviewed *Plan, m *Memory) (dropped []Change, err error) {
	if err := reviewed.Check(); err != nil {
		return nil, err
	}
	if age := p.Time.Sub(reviewed.Time); age > ApprovalLife || age < -skew {
		return nil, ErrTooOld
	}
	key := FactKey{Kind: FactUsed, Key: reviewed.ID + " " + reviewed.Time.UTC().Format(time.RFC3339Nano)}
	if _, ok := m.Fact(key); ok {
		return nil, ErrUsed
	}
	p.used = append(p.used, Fact{FactKey: key, Since: p.Time})
	seen := map[string]bool{}
	for i := range reviewed.Changes {
		if c := &reviewed.Changes[i]; c.State == Ready {
			seen[lineOf(c)] = true
		}
	}
	for i := range p.Changes {
		if c := &p.Changes[i]; c.State == Ready && !seen[lineOf(c)] && c.Queued == 0 {
			c.State, c.Reason = Blocked, "not in the reviewed plan"
		}
	}
	p.unreplaced()
	holds := map[string]bool{}
	for i := range p.Changes {
		if c := &p.Changes[i]; c.State == Ready {
			holds[lineOf(c)] = seen[lineOf(c)]
		}
	}
	for i := range reviewed.Changes {
		if c := &reviewed.Changes[i]; c.State == Ready && !holds[lineOf(c)] {
			dropped = append(dropped, *c)
		}
	}
	return dropped, nil
}

// unreplaced keeps the last holding of a right that is not given to somebody else after all.
func (p *Plan) unreplaced() {
	given := map[string]bool{}
	for i := range p.Changes {
		if c := &p.Changes[i]; c.Op.Gives() && c.Op != OpAdopt && c.State == Ready {
			given[c.Entitlement] = true
		}
	}
	for i := range p.Changes {
		if c := &p.Changes[i]; c.replaced && c.State == Ready && c.Queued == 0 && !given[c.Entitlement] {
			c.State, c.Reason = Blocked, "nobody would hold "+c.Entitlement+" any more: whom the plan gives it to is not in the reviewed plan"
		}
	}
}

func lineOf(c *Change) string {
	made := ""
	if c.Op == OpCreate || c.Op == OpRename || c.Op == OpUpdate {
		made = string(mustJSON(c.New))
	}
	return shortHash(string(c.Op), c.Program, c.Account, c.Entitlement, c.Person, made)
}
