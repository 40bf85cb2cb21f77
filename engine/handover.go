package engine

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// NoticeHandOver is the code of the notice that whoever answers for a service or shared account is not there any more.
const NoticeHandOver = "handover"

// HandOverSince is what stands in such a notice behind the account and its owner, for which it stays the same.
const HandOverSince = ", who "

// handOvers asks somebody to name another owner of the accounts whose own has left, or is nobody whom the directory knows. It ends
// once somebody who is there is named.
func (b *builder) handOvers() {
	if !b.whole() {
		return
	}
	var owners map[string][]*subject
	for _, p := range b.programs {
		for _, account := range slices.Sorted(maps.Keys(p.program.Accounts)) {
			d := p.program.Accounts[account]
			if !nobodys(d.Kind) || d.Owner == "" {
				continue
			}
			if owners == nil {
				owners = b.owners()
			}
			b.handOver(p.program.Name, account, &d, owners[strings.ToLower(d.Owner)])
		}
	}
}

// owners are the people by the names that they may be given as owners, in small letters.
func (b *builder) owners() map[string][]*subject {
	wanted := map[string]bool{}
	for _, p := range b.programs {
		for _, d := range p.program.Accounts {
			wanted[strings.ToLower(d.Owner)] = true
		}
	}
	out := map[string][]*subject{}
	for i := range b.subjects {
		s := &b.subjects[i]
		names := []string{s.key}
		if s.person != nil {
			names = append(names, s.person.Names()...)
		}
		for n := range names {
			names[n] = strings.ToLower(names[n])
		}
		slices.Sort(names)
		for _, name := range slices.Compact(names) {
			if wanted[name] {
				out[name] = append(out[name], s)
			}
		}
	}
	return out
}

// handOver goes by all who are called as the owner is. Who can't be seen is not gone, and has not come back either.
func (b *builder) handOver(program, account string, d *DeclaredAccount, named []*subject) {
	key := FactKey{Kind: FactTask, Program: program, Key: shortHash("owner "+account+" "+d.Owner, program, "")}
	why := "is nobody whom the directory knows"
	for _, s := range named {
		switch s.standing {
		case leaver:
			why = "has left"
		case unseen:
			b.tasks[key] = true
			return
		default:
			return
		}
	}
	purpose := ""
	if d.Purpose != "" {
		purpose = " (" + d.Purpose + ")"
	}
	text := fmt.Sprintf("the %s account %s of %s%s belongs to %s%s%s; name another owner in %s, and change the password that the former one knew",
		d.Kind, quote(account), program, purpose, d.Owner, HandOverSince, why, cmp.Or(d.Place, "the configuration"))
	b.taskSaying(key, text)
	b.warn(NoticeHandOver, program, "", text)
}

// taskSaying is a task whose words may change while it is open.
func (b *builder) taskSaying(key FactKey, text string) {
	b.tasks[key] = true
	f := Fact{FactKey: key, Since: b.s.Now, Text: text}
	if old, ok := b.s.Memory.Fact(key); ok {
		f.Since, f.Data = old.Since, old.Data
	}
	b.set(f)
}
