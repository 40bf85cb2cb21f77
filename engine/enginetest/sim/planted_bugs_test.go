package sim

// edit replaces a piece of the engine's text, which must be there exactly once. $ stands for "the bug is chosen".
type edit struct{ file, old, new string }

// bug is one that is planted in a copy of the engine, to see whether the simulation finds it.
type bug struct {
	name  string
	guard string // what it takes away, as the design says it
	edits []edit
}

func one(name, guard, file, old, with string) bug { return bug{name, guard, []edit{{file, old, with}}} }

// bugs are those that can be planted: one for each guard and each crash rule of the design sections 2 to 4.
func bugs() []bug {
	return []bug{
		// Section 2: crash rules.
		one("not withdrawn", "an unclaimed intent that a run would not make again is withdrawn", "dependencies.go", `if !again[i.Seq] {`, `if !again[i.Seq] && !$ {`),
		one("retried", "a claimed intent is only read back, never retried", "foldopen.go", `!i.Claimed.IsZero() && i.Repeatable() && i.before(r)`, `!i.Claimed.IsZero() && (i.Repeatable() || $) && i.before(r)`),
		one("halt ignored", "what was halted is not repeated", "memory.go", `return !i.Halted && i.Change`, `return (!i.Halted || $) && i.Change`),
		one("never halted", "what was begun and would not be made again is halted", "openwork.go", `if i.Repeatable() && !p.stillTaken(i) {`, `if i.Repeatable() && !p.stillTaken(i) && !$ {`),
		one("lift leaves work", "a lifted cut is not carried out", "decisions.go", `i.Change.Cause != CauseCut || !i.Repeatable() {`, `i.Change.Cause != CauseCut || !i.Repeatable() || $ {`),
		one("grant beside a revoke", "the opposite change waits until the first is settled", "grants.go", `if op, busy := p.taking[account]; busy {`, `if op, busy := p.taking[account]; busy && !$ {`),
		one("revoke beside a grant", "the opposite change waits until the first is settled", "revokes.go",
			"func (p *programPlan) guardRevoke(c Change, right, account uint32) Change {\n\tif op, busy := p.giving[account]; busy {",
			"func (p *programPlan) guardRevoke(c Change, right, account uint32) Change {\n\tif op, busy := p.giving[account]; busy && !$ {"),
		one("actual, not expected", "the diff is taken against what is expected", "diff.go", `d.Expected = given.Minus(&s.Taking)`, "d.Expected = given.Minus(&s.Taking)\n\tif $ {\n\t\td.Expected = s.Actual.Clone()\n\t}"),
		one("managed by result", "management is written with the intent", "fold.go", "if r.Op.Gives() {\n\t\tf.manage(r, false)", "if r.Op.Gives() && !$ {\n\t\tf.manage(r, false)"),
		one("no lease", "one lease for each account", "foldopen.go", `leased(i.Lease, r.Now) {`, `leased(i.Lease, r.Now) && !$ {`),
		one("second failure is an end", "what fails when it is tried again is not known to have failed before", "outcome.go", `if !tells(&i, res) {`, `if !tells(&i, res) && !$ {`),
		one("two leases for one person", "a former account and a proposed one of a person are one lease", "foldopen.go", `return one || other`, `return (one || other) && !$`),
		one("late outcome counts", "a result closes only the intent it names, once", "fold.go", `i == nil || i.claimedSince(r.Claim)`, `i == nil && !$ || i != nil && i.claimedSince(r.Claim)`),
		one("any claim", "an outcome and a read-back speak of one claim", "memory.go", `return claim > 0 && claim < i.Attempts`, `return claim > 0 && claim < i.Attempts && !$`),
		one("unknown is an end", "an unknown outcome leaves the intent open", "fold.go", `if r.Outcome == Uncertain {`, `if r.Outcome == Uncertain && !$ {`),
		one("withdrawn while claimed", "what was claimed can't be withdrawn", "foldopen.go", `if r.Outcome == Withdrawn && !i.Claimed.IsZero() {`, `if r.Outcome == Withdrawn && !i.Claimed.IsZero() && !$ {`),
		one("read back too early", "a call is read back only after its lease and the list's lag", "openwork.go", `!p.reading.Proof.Started.Before(i.Lease.Add(p.program.Describes.Lag)) &&`, `($ || !p.reading.Proof.Started.Before(i.Lease.Add(p.program.Describes.Lag))) &&`),
		one("read back from half a list", "a call is read back from a complete list", "openwork.go", `return p.complete &&`, `return (p.complete || $) &&`),
		one("panic is failure", "a panic is an unknown effect", "call.go", `res = Result{Outcome: Uncertain, Err: fmt.Errorf("the connector failed: %v", p)}`, "res = Result{Outcome: Uncertain, Err: fmt.Errorf(\"the connector failed: %v\", p)}\n\t\t\tif $ {\n\t\t\t\tres.Outcome = Failed\n\t\t\t}"),
		one("lost is failure", "a lost answer is an unknown effect", "call.go", "default:\n\t\tr.Outcome = Uncertain", "default:\n\t\tr.Outcome = Uncertain\n\t\tif $ {\n\t\t\tr.Outcome = Failed\n\t\t}"),
		one("grants by half a list", "while a program's list is incomplete nothing is granted there", "decide.go", "if p.complete {\n\t\tp.diff = Diff", "if p.complete || $ {\n\t\tp.diff = Diff"),
		one("revokes by half a list", "while a program's list is incomplete only leavers and cuts are revoked", "decide.go", `case !p.complete:`, `case !p.complete && !$:`),
		{"stale worker closes", "a worker whose lease is over says nothing of what others may try, not even of a claim of its own", []edit{
			{"outcome.go", `return untried && i.Repeatable()`, `return !$ && untried && i.Repeatable()`},
			{"outcome.go", `Of: i.Seq, Claim: i.Attempts,`, `Of: i.Seq, Claim: map[bool]int{false: i.Attempts}[$ && errors.Is(res.Err, errStopped)],`}}},
		one("pending is gone", "what is being taken is not gone before that is known", "note.go", `return others.Or(&p.sets.Taking)`, "if $ {\n\t\treturn others\n\t}\n\treturn others.Or(&p.sets.Taking)"),
		one("proposal forgotten", "what is read back as made keeps its rules and its policy", "programplan.go", `if account, ok := made[row.Account]; ok {`, `if account, ok := made[row.Account]; ok && !$ {`),
		one("made for another", "what is being made is nobody else's", "openwork.go", `if !proposed || i.Change.Op != OpCreate {`, `if $ || !proposed || i.Change.Op != OpCreate {`),
		one("approval outlived", "an approval that expired is not used, however long the process stood still", "items.go", `if p.until.IsZero() || end.Before(p.until) {`, `if !$ && (p.until.IsZero() || end.Before(p.until)) {`),

		// Section 3: people and proofs.
		one("half a directory", "a revoke needs a complete read", "decide.go", "case !p.b.s.Proof.Complete():\n\t\treturn \"unknown: the directory", "case !p.b.s.Proof.Complete() && !$:\n\t\treturn \"unknown: the directory"),
		one("absent from half a read", "absence needs complete reads", "subject.go", "if !b.s.Proof.Complete() {\n\t\tif !cut {", "if !b.s.Proof.Complete() && !$ {\n\t\tif !cut {"),
		one("absent at once", "absence needs two reads a set time apart", "subject.go", `b.s.Now.Sub(f.Since) >= b.s.Settings.Apart && (`, `($ || b.s.Now.Sub(f.Since) >= b.s.Settings.Apart) && (`),
		one("unmarked leaver", "an explicit leaver needs a mark", "subject.go", `case p.State == StateLeft && p.Marked:`, `case p.State == StateLeft && (p.Marked || $):`),
		one("unknown state", "an unknown state grants and revokes nothing", "subject.go", `case p.State == StateLeft || p.State == StateUnknown:`, `case !$ && (p.State == StateLeft || p.State == StateUnknown):`),
		one("unseen is present", "who is unseen loses nothing", "decide.go", `case s.standing == unseen:`, `case s.standing == unseen && !$:`),
		one("stale mark", "nothing of an older read is believed", "subject.go", `case b.s.Proof.hasReason(ReasonOlder):`, `case b.s.Proof.hasReason(ReasonOlder) && !$:`),
		one("older read", "a read older than what was acted on is not complete", "baseline.go", `if OlderMark(p.Mark, accepted.Mark) {`, `if OlderMark(p.Mark, accepted.Mark) && !$ {`),
		one("mark forgotten", "a read that does not say how recent it is makes nobody forget the one before", "baseline.go", `next.Mark == "" {`, `next.Mark == "" && !$ {`),
		one("canary", "without its canary a read shows no entry in full", "proof.go", `return !slices.ContainsFunc(p.Reasons, func(r Reason) bool { return r.Code == ReasonAttribute || r.Code == ReasonCanary })`, `return $ || !slices.ContainsFunc(p.Reasons, func(r Reason) bool { return r.Code == ReasonAttribute || r.Code == ReasonCanary })`),
		{"half is whole", "too few people, and too few of what each has, are a broken read", []edit{
			{"baseline.go", `if t.lost(p.Count, accepted.Count, t.People) {`, `if t.lost(p.Count, accepted.Count, t.People) && !$ {`},
			{"baseline.go", "	judgeCounts(&p, accepted, t)\n	return p", "	if !$ || p.Count >= accepted.Count {\n		judgeCounts(&p, accepted, t)\n	}\n	return p"}}},
		one("attribute gone", "an attribute that many lost is a broken read", "baseline.go", `if t.lost(now, before.N, ratio) {`, `if t.lost(now, before.N, ratio) && !$ {`),
		one("role emptied", "a role that lost too many holders is unknown", "baseline.go", `if t.lost(r.Holders, before.Holders, t.Holders) {`, `if t.lost(r.Holders, before.Holders, t.Holders) && !$ {`),
		{"baseline slides", "a refused read does not become the baseline", []edit{
			{"baseline.go", "if !p.Complete() {\n\t\treturn before", "if !p.Complete() && !$ {\n\t\treturn before"},
			{"accepted.go", `if next == nil || !s.Proof.Complete() {`, `if next == nil || !s.Proof.Complete() && !$ {`}}},
		one("baseline unapproved", "a refused read is believed only after approval", "accepted.go", `ok && item.State == Approved && item.Until.After(s.Now) {`, `ok && ($ || item.State == Approved && item.Until.After(s.Now)) {`),
		one("partner down", "a missing partner makes its attributes unknown", "accepted.go", "func (s *Snapshot) hidePartner(p *Proof) {\n\tif p.Complete() {", "func (s *Snapshot) hidePartner(p *Proof) {\n\tif p.Complete() || $ {"),
		one("re-keyed", "many keys vanishing while as many appear wait for somebody", "subject.go", `if len(vanished) <= 3 {`, `if len(vanished) <= 3 || $ {`),
		one("cut forgotten", "a cut holds until it is lifted", "subject.go", "\tif ok {\n\t\ts.standing, s.cause, s.why = cutOff", "\tif ok && !$ {\n\t\ts.standing, s.cause, s.why = cutOff"),

		// Section 3: accounts.
		one("cut spares unmanaged", "a cut suspends every linked account, managed or not", "revokes.go", `case s.standing == cutOff:`, `case s.standing == cutOff && $ && !p.sets.Managed.Has(p.active, account):`+"\n\t\tcase s.standing == cutOff:"),
		one("no wait", "an account is deleted after the wait", "decide.go", `if f.Count > 0 || f.Since.Add(p.program.Wait).After(p.b.s.Now) {`, `if !$ && (f.Count > 0 || f.Since.Add(p.program.Wait).After(p.b.s.Now)) {`),
		one("wait not anew", "the wait starts anew when the person is active again", "note.go", `case p.sets.Desired.Has(p.active, account) && f.Count == 0:`, `case p.sets.Desired.Has(p.active, account) && f.Count == 0 && !$:`),
		one("deleted unread", "before a delete the account is read singly", "call.go", `if why := keepsAccount(h.Entitlement, c.class()); why != "" {`, `if why := keepsAccount(h.Entitlement, c.class()); why != "" && !$ {`),
		one("unmanaged suspended", "an account that holds anything unmanaged is kept", "decide.go", "case right == p.active:\n\t\treturn p.holdsMore(account)", "case right == p.active && !$:\n\t\treturn p.holdsMore(account)"),
		one("unmanaged deleted", "an account that holds anything unmanaged is kept", "decide.go", `if s.standing != leaver {`, `if s.standing != leaver && !$ {`),
		one("no floor", "a grant rests on the active account", "dependencies.go", `if p.diff.Expected.Has(right, c.account) || ready`, `if $ || p.diff.Expected.Has(right, c.account) || ready`),
		one("suspend last", "a leaver's suspend goes first", "makeplan.go", "c.Cause == CauseCut {\n\t\t\treturn 5", "c.Cause == CauseCut {\n\t\t\tif $ {\n\t\t\t\treturn 7\n\t\t\t}\n\t\t\treturn 5"),
		one("resumes others'", "Rolecall resumes only what it suspended", "grants.go", "case known && f.Text == \"rolecall\":\n\t\tp.add(c)", "case known && (f.Text == \"rolecall\" || $):\n\t\tc.Op = OpResume\n\t\tp.add(c)"),
		one("suspended already", "what was suspended already is not Rolecall's to resume", "outcome.go", `if o == Done {`, `if o == Done || $ {`),
		one("removal by hand repaired", "repair: report", "grants.go", `if p.program.Repair != "regrant" || right`, `if p.program.Repair != "regrant" && !$ || right`),
		one("repaired for ever", "twice in 24 h, then contested", "grants.go", `if f.Count >= 2 && p.b.s.Now`, `if !$ && f.Count >= 2 && p.b.s.Now`),
		one("released at once", "management ends with two complete reads", "note.go", "if !ok {\n\t\t\tp.b.set(Fact{FactKey: key, Since: p.reading.Proof.Started})", "if !ok && !$ {\n\t\t\tp.b.set(Fact{FactKey: key, Since: p.reading.Proof.Started})"),
		one("released within the lag", "the two reads are further apart than the lag", "note.go", `if p.reading.Proof.Started.Sub(f.Since) <= p.program.Describes.Lag {`, `if p.reading.Proof.Started.Sub(f.Since) <= p.program.Describes.Lag && !$ {`),
		one("taken name", "nobody gets the account of somebody else", "accounts.go", `if wait == "" && taken[name] {`, `if wait == "" && taken[name] && !$ {`),
		one("account promised twice", "links never move", "accounts.go", `if wait == "" && p.promised(name, i) {`, `if wait == "" && p.promised(name, i) && !$ {`),

		// Section 3: what is wanted.
		one("never", "revoke: never", "decide.go", `case p.program.Revoke == RevokeNever:`, `case p.program.Revoke == RevokeNever && !$:`),
		one("never a leaver", "never also holds back leavers", "revokes.go", "case p.program.Revoke == RevokeNever:\n\t\t\tif p.holds", "case p.program.Revoke == RevokeNever && !$:\n\t\t\tif p.holds"),
		one("additive", "what an additive rule gave stays", "decide.go", `case p.isAdditive(p.rulesOf(row)) && !reviewed:`, `case p.isAdditive(p.rulesOf(row)) && !reviewed && !$:`),
		one("no grace", "what has a grace stays for it", "decide.go", `due.After(p.b.s.Now) && !p.denied.Has(right, account)`, `!$ && due.After(p.b.s.Now) && !p.denied.Has(right, account)`),
		one("no leaver grace", "the grace of leavers", "revokes.go", `if due := since.Add(grace); due.After(p.b.s.Now) {`, `if due := since.Add(grace); due.After(p.b.s.Now) && !$ {`),
		one("policy not blamed", "a removal that the former policy would not make is the policy's", "formers.go", `if hash == p.b.plan.Policy || !p.formerlyDesired`, `if $ || hash == p.b.plan.Policy || !p.formerlyDesired`),
		one("wave passes", "what a policy removes beyond the floor needs approval", "limits.go", `if !found {`, `if !found || $ {`),
		one("undo for leavers", "an undo never holds a leaver", "undo.go", `if !ok || s.standing != present || s.person == nil {`, `if !ok || s.standing != present && !$ || s.person == nil {`),
		{"undo over a block", "a block goes before everything: nothing forbidden is given back, nor held against it", []edit{
			{"undo.go", `if f.Count > 0 && (p.denied.Has(right, account) || p.forbiddenLater(s.person, f.Entitlement)) {`, `if f.Count > 0 && (p.denied.Has(right, account) || p.forbiddenLater(s.person, f.Entitlement)) && !$ {`},
			{"undone.go", `case forbids(s, &s.People[i], c.Entitlement):`, `case forbids(s, &s.People[i], c.Entitlement) && !$:`}}},
		one("clock alone", "what falls due after a gap waits for one more run", "revokes.go", `if p.timed(&c) && p.gap() &&`, `if !$ && p.timed(&c) && p.gap() &&`),
		one("clock alone, leavers", "what falls due after a gap waits for one more run", "revokes.go", `if c.Op == OpDelete && p.gap() &&`, `if !$ && c.Op == OpDelete && p.gap() &&`),
		one("unmanaged of leavers taken", "leavers: unmanaged: report", "revokes.go", `if !managed && p.b.s.Settings.Unmanaged == UnmanagedReport {`, `if !managed && p.b.s.Settings.Unmanaged == UnmanagedReport && !$ {`),
		one("unmanaged of leavers unasked", "leavers: unmanaged: approve", "revokes.go", `if !managed && p.b.s.Settings.Unmanaged == UnmanagedApprove {`, `if !managed && p.b.s.Settings.Unmanaged == UnmanagedApprove && !$ {`),

		// Section 3: approvals.
		one("any cause", "an approval covers its cause", "items.go", `c.Person, string(c.Cause), decider)`, "c.Person, map[bool]string{true: \"\", false: string(c.Cause)}[$], decider)"),
		one("room frees it", "later room in the budget never frees what waits", "items.go", "if !ok {\n\t\t\tf, ok = b.rejected(c)", "if ok = ok && !$; !ok {\n\t\t\tf, ok = b.rejected(c)"),
		one("expired approval", "an approval holds for 24 h", "items.go", "case item.State == Approved && item.Until.After(b.s.Now):", "case item.State == Approved && (item.Until.After(b.s.Now) || $):"),
		one("rejected is approved", "a rejection holds", "items.go", `case item.State == Rejected:`, "case item.State == Rejected && $:\n\t\tc.Item, c.Reason = item.ID, \"\"\n\tcase item.State == Rejected:"),
		one("used twice", "an approval is used once", "commit.go", `if c.Item != "" { // an`, `if c.Item != "" && !$ { // an`),
		one("item ends at once", "an item ends when two complete reads no longer show its reason", "items.go", `if f.Count == 0 || err != nil {`, `if !$ && (f.Count == 0 || err != nil) {`),

		// Section 4.
		one("no budget", "rolling budgets", "limits.go", `if after <= allowed || after == before {`, `if $ || after <= allowed || after == before {`),
		one("no window", "budgets roll", "units.go", `u.between(u.b.s.Now.Add(-window), time.UnixMicro`, "if $ {\n\t\twindow = 0\n\t}\n\tu.between(u.b.s.Now.Add(-window), time.UnixMicro"),
		one("first few pass", "a trip sends all of its scope to approval", "limits.go", "b.eachCharged(s, class, func(_ *programPlan, c *Change) {\n\t\tif c.Cause", "passed := 0\n\tb.eachCharged(s, class, func(_ *programPlan, c *Change) {\n\t\tif passed++; $ && passed <= allowed-before {\n\t\t\treturn\n\t\t}\n\t\tif c.Cause"),
		one("absence excepted", "absence has no exception from the budget", "limits.go", `!(c.Cause == CauseMarked && c.Person == b.sole)`, `!(c.Cause == CauseMarked && c.Person == b.sole) && !($ && c.Cause == CauseAbsent)`),
		one("last admin", "never the last admin", "revokes.go", `return left.IsEmpty()`, `return left.IsEmpty() && !$`),
		one("cut after leavers", "never the last admin", "revokes.go", `standing == cutOff {`+"\n\t\treturn 0", `standing == cutOff && !$ {`+"\n\t\treturn 0"),
		one("protected person", "protected people are touched only by an approval or a cut", "revokes.go", `case s != nil && p.b.protected(s):`, `case s != nil && p.b.protected(s) && !$:`),
		one("protected account", "protected accounts are touched only by an approval or a cut", "revokes.go", `case slices.Contains(p.program.Protected, c.Account):`, `case slices.Contains(p.program.Protected, c.Account) && !$:`),
		one("emptied", "never to zero but by a leaver or an approval", "limits.go", `last := c.Op.Takes() &&`, `last := !$ && c.Op.Takes() &&`),
		one("works while paused", "a pause stops all calls", "foldopen.go", "paused {\n\t\t\treturn out", "paused && !$ {\n\t\t\treturn out"),
		one("silent pause", "a pause is shown", "makeplan.go", "for _, f := range b.s.Memory.Facts(FactPause) {", "for _, f := range b.s.Memory.Facts(FactPause) {\n\t\tif $ {\n\t\t\tbreak\n\t\t}"),
		one("old leader", "the epoch is checked under the head lock", "foldopen.go", `if g.Epoch != 0 && g.Epoch != epoch {`, `if g.Epoch != 0 && g.Epoch != epoch && !$ {`),
		one("stale plan", "a plan from before a decision is not committed", "foldopen.go", `if g.Control >= 0 && f.control > g.Control {`, `if g.Control >= 0 && f.control > g.Control && !$ {`),
		one("slot twice", "a slot runs once", "reconcile.go", `!done.Since.Before(o.Slot) {`, `!done.Since.Before(o.Slot) && !$ {`),
		one("lease stretched", "a clock that is set back makes no lease longer", "worklease.go", `known && w.e.Uptime != nil {`, `known && w.e.Uptime != nil && !$ {`),
		one("list of the future", "a list lags behind no moment that is still to come", "ahead.go", `if !ahead || !at.After(p.b.s.Now.Add(farAhead)) {`, `if $ || !ahead || !at.After(p.b.s.Now.Add(farAhead)) {`),
		one("changed long ago", "a list lags behind the moment of a change, whatever the journal's time", "ahead.go", `return later(first, f.Since)`, "if $ {\n\t\treturn first\n\t}\n\treturn later(first, f.Since)"),
		one("charged for good", "a clock that was far ahead frees nobody of the budgets", "units.go", `if u.b.s.wrongTime(r.at) {`, `if !$ && u.b.s.wrongTime(r.at) {`),
		one("short lease", "a call starts only if it can end before the lease", "work.go", `left < w.callTime() {`, `left < w.callTime() && !$ {`),
		one("no back-off", "failed changes back off", "grants.go", `ok && f.Until.After(p.b.s.Now) {`, `ok && f.Until.After(p.b.s.Now) && !$ {`),
		one("one program stops all", "a bad program changes nothing for the others", "programplan.go", `complete: r.Proof.Complete(),`, "complete: r.Proof.Complete() && !($ && slices.ContainsFunc(b.s.Readings, func(r *Reading) bool { return !r.Proof.Complete() })),"),
		one("unreviewed lines", "a reviewed plan adds nothing", "restrict.go", `!seen[lineOf(c)] && c.Queued == 0 {`, `!seen[lineOf(c)] && c.Queued == 0 && !$ {`),
		one("old plan file", "a reviewed plan holds for 24 h", "restrict.go", `if age := p.Time.Sub(reviewed.Time); age > ApprovalLife || age < -skew {`, `if age := p.Time.Sub(reviewed.Time); !$ && (age > ApprovalLife || age < -skew) {`),
		one("plan file twice", "a reviewed plan is used once", "restrict.go", `if _, ok := m.Fact(key); ok {`, `if _, ok := m.Fact(key); ok && !$ {`),
		one("attributes in the log", "secrets never appear", "programplan.go", `c.Login, c.Name = s.person.Login(), s.person.Name()`, "c.Login, c.Name = s.person.Login(), s.person.Name()\n\t\t\tif $ {\n\t\t\t\tc.Name = fmt.Sprint(s.person.Attributes)\n\t\t\t}"),
		one("names decide", "data is data", "limits.go", `return c.State == Ready && c.class() == class && c.Item == ""`, `return c.State == Ready && !($ && len(c.Name) > 30) && c.class() == class && c.Item == ""`),
		one("nobody did it", "every record has an actor", "commit.go", `r.Run, r.Actor = run, actor`, "r.Run, r.Actor = run, actor\n\t\t\t\tif $ {\n\t\t\t\t\tr.Actor = \"\"\n\t\t\t\t}"),

		one("rewritten", "the journal is append only", "enginetest/journal.go", `j.records = append(j.records, *r)`, "j.records = append(j.records, *r)\n\tif old := &j.records[(len(j.records)-1)/2]; $ {\n\t\told.Actor = \"nobody\"\n\t\told.Hash = leaf(\"\", old)\n\t}"),

		// What is between Rolecall and a program.
		one("http: 503 again", "a change that was answered 503 is sent once", "httpconn/client.go", `k.Method == http.MethodGet && IsStatus(err, http.StatusServiceUnavailable)`, `(k.Method == http.MethodGet || $) && IsStatus(err, http.StatusServiceUnavailable)`),
		one("http: lost again", "a change whose answer was lost is sent once", "httpconn/client.go", `case k.Method == http.MethodGet && !reread`, `case (k.Method == http.MethodGet || $) && !reread`),
		one("http: 500 is failure", "nobody knows what came of a change that was answered 500", "httpconn/answer.go", `e.Status >= 500 && e.Status != http.StatusNotImplemented:`, `!$ && e.Status >= 500 && e.Status != http.StatusNotImplemented:`),
		one("http: 404 of anything", "only the program's own word means that something is gone", "httpconn/answer.go", `e.Status == http.StatusNotFound && e.Own`, `e.Status == http.StatusNotFound && (e.Own || $)`),
		one("http: secrets shown", "no message shows a secret, though the program repeats it", "httpconn/auth.go", `for _, secret := range a.known {`, "for _, secret := range a.known {\n\t\tif $ {\n\t\t\tbreak\n\t\t}"),
		one("http: old secret for good", "a sign-in that was refused is tried with the secret of now", "httpconn/client.go", `renewed = true`, "renewed = true\n\t\t\tif $ {\n\t\t\t\treturn answer, err\n\t\t\t}"),
		one("http: lies believed", "a change is done when it is to be seen", "../connectors/scim/write.go", `if slices.Contains(now.accounts(), c.Account) != c.Grant {`, `if slices.Contains(now.accounts(), c.Account) != c.Grant && !$ {`),
		one("http: unseen is failure", "a change that can't be read back is not known", "../connectors/scim/write.go", "return engine.Uncertain, fmt.Errorf(\"the change can't be read back: %w\", err)", "return map[bool]engine.Outcome{false: engine.Uncertain, true: engine.Failed}[$], fmt.Errorf(\"the change can't be read back: %w\", err)"),
		one("http: half a list", "a list that has fewer than it says is not whole", "../connectors/scim/read.go", "		case len(seen) > total || len(page.Resources) == 0:\n", "		case $ && len(page.Resources) == 0:\n\t\t\treturn nil\n		case len(seen) > total || len(page.Resources) == 0:\n"),

		// Seats.
		one("one seat more", "nobody gets a seat that is not there", "planseats.go", `sp.Free = sp.Seats - sp.Taken`, "sp.Free = sp.Seats - sp.Taken\n\tif $ {\n\t\tsp.Free++\n\t}"),
		one("under way takes no seat", "what is being given takes a seat until it is read back", "planseats.go", `s.giving = s.base.Or(&s.under)`, "s.giving = s.base.Or(&s.under)\n\tif $ {\n\t\ts.under, s.giving = Set{}, s.base.Clone()\n\t}"),
		one("freed before it is gone", "what is being taken frees no seat before a list shows so", "planseats.go", `s.base = p.reading.held.Or(&p.sets.Actual)`, "s.base = p.reading.held.Or(&p.sets.Actual)\n\tif $ {\n\t\ts.base = s.base.Minus(&p.sets.Taking)\n\t}"),
		one("last come, first served", "who asked first gets the next seat", "seatrules.go", `c.Since.Compare(d.Since)`, `map[bool]int{false: 1, true: -1}[$]*c.Since.Compare(d.Since)`),
		one("priority ignored", "the highest priority gets the next seat", "seatrules.go", `-cmp.Compare(c.Priority, d.Priority)`, `map[bool]int{false: -1}[$]*cmp.Compare(c.Priority, d.Priority)`),
		one("place forgotten", "who waits keeps the place in the list", "seatallot.go", `c.Since, c.Joiner = f.Since, f.Text == seatKept`, "c.Since, c.Joiner = f.Since, f.Text == seatKept\n\t\t\tif $ {\n\t\t\t\tc.Since = s.p.b.s.Now\n\t\t\t}"),
		one("everybody waits", "a seat that is free is given", "seatrules.go", `n := max(0, min(free, len(claims)))`, "n := max(0, min(free, len(claims)))\n\tif $ {\n\t\tn = 0\n\t}"),
	}
}
