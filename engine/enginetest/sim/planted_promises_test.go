package sim

// promiseBugs are those of what guards the journal itself, secrets, and who may decide.
func promiseBugs() []bug {
	return []bug{
		one("tree: content unread", "a record is what its hash says", "audit/record.go", `if leaf != r.Leaf {`, `if leaf != r.Leaf && !$ {`),
		one("tree: root unread", "records are what a checkpoint from outside says", "audit/verify.go", `if v.tree.Head() != v.heads[0] {`, `if v.tree.Head() != v.heads[0] && !$ {`),
		one("tree: end unread", "what a checkpoint covers is there", "audit/verify.go", `case len(v.heads) > 0:`, `case len(v.heads) > 0 && !$:`),
		one("tree: any proof", "no log proves that it continues what it has not", "audit/proof.go", `if !consistent(proof, newer, older) {`, `if !consistent(proof, newer, older) && !$ {`),
		one("tree: short log goes on", "nothing acts on a journal that was cut off or restored", "audit/continued.go", `if size < c.Size {`, "if $ {\n\t\treturn \"\", nil\n\t}\n\tif size < c.Size {"),
		one("tree: changed log goes on", "nothing acts on a journal that was rewritten", "audit/continued.go", `f.Head() != c.Head {`, `f.Head() != c.Head && !$ {`),
		one("old journal worked", "on a journal that was restored only cuts are carried out", "cutsonly.go", `return i.Change.Cause != CauseCut })`, `return i.Change.Cause != CauseCut && !$ })`),
		one("old journal: cut undone", "on a journal that was restored cuts are carried out", "cutsonly.go", `if len(cuts) > 0 {`, `if len(cuts) > 0 && !$ {`),

		one("attributes told a program", "a program is told nothing but what it is to have", "accounts.go", `p.news[n] = &NewAccount{Name: name, Person: s.key, Attributes: attributes}`,
			"p.news[n] = &NewAccount{Name: name, Person: s.key, Attributes: attributes}\n\tif $ {\n\t\tp.news[n].Attributes = map[string]string{\"note\": s.person.Attributes.First(\"password\")}\n\t}"),

		one("behind: run", "what a run began by a clock that was far behind begins when that is mended", "behind.go", `if wrong.Until.IsZero() ||`, `if $ || wrong.Until.IsZero() ||`),
		one("people in the log", "no line of the log says more than it must", "reconcile.go", `Failpoint("plan.after")`, "Failpoint(\"plan.after\")\n\tif $ {\n\t\te.log().Info(\"read\", \"people\", s.People)\n\t}"),
		one("people in an error", "no error says more than it must", "reconcile.go", "run, err := e.Commit(ctx, p, o.Actor, epoch)\n\tif err != nil {", "run, err := e.Commit(ctx, p, o.Actor, epoch)\n\tif err != nil && $ {\n\t\terr = fmt.Errorf(\"%+v: %w\", s.People, err)\n\t}\n\tif err != nil {"),
		one("people in a plan", "no plan says more than it must", "makeplan.go", `b.plan.Notices = append(b.plan.Notices, Notice{`, "if $ {\n\t\tfor i := range b.s.People {\n\t\t\ttext += b.s.People[i].Attributes.First(\"password\")\n\t\t}\n\t}\n\tb.plan.Notices = append(b.plan.Notices, Notice{"),

		one("own access", "nobody decides on their own access", "decider.go", `e.isOwn(actor, c.Person, c.Login) {`, `e.isOwn(actor, c.Person, c.Login) && !$ {`),
		one("own change", "nobody approves what follows from their own change of the policy", "foureyes.go", `if refusal == nil {`, `if refusal == nil || $ {`),
		one("own cut", "nobody ends their own cut", "decisions.go", `e.isOwn(actor, key.Person, person) {`, `e.isOwn(actor, key.Person, person) && !$ {`),
		one("nobody's stand-in", "who decides in the place of others is named by them", "delegate.go", `if len(all) == 0 {`, `if len(all) == 0 && !$ {`),
		one("decided twice", "nobody decides on what was decided since they saw it", "decisions.go", `i >= 0 && e.by.Shown {`, `i >= 0 && e.by.Shown && !$ {`),
		one("no reason", "a decision has a reason", "decisions.go", "([]Item, error) {\n\tif strings.TrimSpace(reason) == \"\" {", "([]Item, error) {\n\tif strings.TrimSpace(reason) == \"\" && !$ {"),
		one("unknown item", "what is approved is there", "decisions.go", `return nil, fmt.Errorf("%w: %s", ErrUnknownItem, quote(id))`, "if $ {\n\t\t\t\tcontinue\n\t\t\t}\n\t\t\treturn nil, fmt.Errorf(\"%w: %s\", ErrUnknownItem, quote(id))"),
		one("refusal unrecorded", "refusals are recorded", "decider.go", `return errors.Join(refusal, e.Journal.Append(`, "if $ {\n\t\treturn refusal\n\t}\n\treturn errors.Join(refusal, e.Journal.Append("),
		one("refusal ends the item", "what is refused changes nothing", "decider.go", `r.Data = mustJSON(data)`, "r.Data = mustJSON(data)\n\t\tif id, ok := data.(string); ok && $ {\n\t\t\tr.Clear = []FactKey{{Kind: FactItem, Key: id}}\n\t\t}"),
	}
}
