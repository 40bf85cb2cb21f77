package engine

import (
	"encoding/json"
	"slices"
	"time"
)

// Kind of a record of the journal.
type Kind string

// The kinds. Whoever adds one decides in Control whether it makes plans stale.
const (
	KindRun      Kind = "run"     // a run began: proofs, policy and configuration are in Data
	KindEnd      Kind = "end"     // its work ended: counts are in Data
	KindIntent   Kind = "intent"  // a change is about to be made; without it no call starts
	KindOutcome  Kind = "outcome" // what became of the intent named by Of
	KindLate     Kind = "late"    // an outcome that came after its intent was closed, or claimed again: kept as evidence, counts for nothing; Append alone gives this kind
	KindAdopt    Kind = "adopt"   // a holding that was there became managed
	KindRelease  Kind = "release" // a holding is managed no more
	KindLink     Kind = "link"    // (person, program, kind) → account
	KindSeen     Kind = "seen"    // a read found holdings that appeared and disappeared: Seen in Data
	KindNote     Kind = "note"    // facts only: absence counted, grace begun, baseline moved, item waiting
	KindCut      Kind = "cut"
	KindLift     Kind = "lift"
	KindPause    Kind = "pause"
	KindResume   Kind = "resume"
	KindApprove  Kind = "approve"
	KindReject   Kind = "reject"
	KindExtra    Kind = "extra" // given on the command line or the page
	KindUndo     Kind = "undo"
	KindFree     Kind = "free" // an undone or contested change is let go
	KindTask     Kind = "task" // something a person must do, or has done
	KindPolicy   Kind = "policy"
	KindConfig   Kind = "config"
	KindAccept   Kind = "accept"   // a gap in the journal was accepted after a restore
	KindRefusal  Kind = "refusal"  // somebody decided or asked for what they may not
	KindLogin    Kind = "login"    // somebody signed in to the page, or out, or was not let in (Outcome refused); Data: where from
	KindRestore  Kind = "restore"  // a backup was put in the place of the journal
	KindKey      Kind = "key"      // another key seals the journal from here on
	KindReKey    Kind = "rekey"    // the directory knows a person by another key than before
	KindToken    Kind = "token"    // a token to sign in with was made or taken back
	KindHold     Kind = "hold"     // somebody is under a legal hold: nothing of theirs is deleted
	KindEndHold  Kind = "endhold"  // and no more
	KindBlank    Kind = "blank"    // the personal part of the records of somebody was deleted; Data: the Blanking
	KindReview   Kind = "review"   // a review of access began or was closed: its Review is in Data
	KindLine     Kind = "line"     // one line of a review was put up, decided or closed: its ReviewLine is in Data
	KindUnblock  Kind = "unblock"  // a block that a review led to was ended
	KindDelegate Kind = "delegate" // somebody may decide in the place of somebody else, or no more; Data: the Delegation
	KindNotice   Kind = "notice"   // somebody was told of something
	KindExport   Kind = "export"   // records were sent elsewhere, up to one
	KindSnapshot Kind = "snapshot" // what the records up to one come to, so that they may be emptied; Data: the Pruning
	KindCharge   Kind = "charge"   // an intent that was lost counts against the budgets again, from now on
)

// Control says that a plan made before the record must not be committed after it.
func (k Kind) Control() bool {
	switch k {
	case KindRun, KindLink, KindCut, KindLift, KindPause, KindResume, KindApprove, KindReject, KindExtra, KindUndo, KindFree, KindPolicy, KindConfig, KindAccept, KindRestore, KindReKey, KindHold, KindEndHold, KindBlank, KindReview, KindLine, KindUnblock:
		return true
	}
	return false
}

// Kinds are all the constants above: what may be asked for, and recorded.
func Kinds() []Kind {
	return []Kind{KindRun, KindEnd, KindIntent, KindOutcome, KindLate, KindAdopt, KindRelease, KindLink, KindSeen, KindNote, KindCut, KindLift,
		KindPause, KindResume, KindApprove, KindReject, KindExtra, KindUndo, KindFree, KindTask, KindPolicy, KindConfig,
		KindAccept, KindRefusal, KindLogin, KindRestore, KindKey, KindReKey, KindHold, KindEndHold, KindBlank, KindCharge, KindToken, KindReview, KindLine, KindUnblock, KindDelegate, KindNotice, KindExport, KindSnapshot}
}

// Charges says that what the kind is about may count against the budgets.
func (k Kind) Charges() bool { return k == KindIntent || k == KindCharge }

// known says whether the kind is one of them.
func (k Kind) known() bool { return slices.Contains(Kinds(), k) }

// Class groups intents for the budgets.
type Class string

// The classes of charge; an intent without one is not counted.
const (
	ChargeRevoke Class = "revoke"
	ChargeLeaver Class = "leaver"
	ChargeGrant  Class = "grant"
)

// Record is one entry of the journal as the program works with it. How it is stored is the journal's own affair: the
// stored form may only grow fields, so that old leaves keep their hashes.
type Record struct {
	Seq         int64           `json:"seq"`  // 1, 2, 3 … without gaps; set by Append
	Time        time.Time       `json:"time"` // UTC, never before the record before it; set by Append
	Kind        Kind            `json:"kind"`
	Run         string          `json:"run,omitempty"`
	Actor       string          `json:"actor,omitempty"`
	Person      string          `json:"person,omitempty"`
	Program     string          `json:"program,omitempty"`
	Account     string          `json:"account,omitempty"`
	Entitlement string          `json:"entitlement,omitempty"` // name within the program
	Op          Op              `json:"op,omitempty"`
	Outcome     Outcome         `json:"outcome,omitempty"`
	Of          int64           `json:"of,omitempty"`    // the intent that an outcome belongs to
	Claim       int             `json:"claim,omitempty"` // which claim of that intent it speaks of, the first is 1; 0: whichever
	Cause       Cause           `json:"cause,omitempty"`
	Class       Class           `json:"class,omitempty"` // what an intent is, or was, charged to
	Approved    bool            `json:"approved,omitempty"`
	Rules       []string        `json:"rules,omitempty"` // that give it (intent, adopt)
	Why         []string        `json:"why,omitempty"`
	Data        json.RawMessage `json:"data,omitempty"`  // by kind
	Set         []Fact          `json:"set,omitempty"`   // facts that begin or change
	Clear       []FactKey       `json:"clear,omitempty"` // facts that end
	Hash        string          `json:"hash,omitempty"`  // leaf, base64; set by Append
}

// Seen is the Data of a KindSeen record. A program's first complete read is its baseline; long lists are cut into
// parts. It is folded into what is known to exist, managed or not.
type Seen struct {
	Baseline    bool        `json:"baseline,omitempty"`
	Appeared    [][2]string `json:"appeared,omitempty"`    // account, entitlement name
	Disappeared [][2]string `json:"disappeared,omitempty"` // somebody else took it away
	Vanished    [][2]string `json:"vanished,omitempty"`    // went together with an account that Rolecall suspended or deleted
}

// FactKey names a fact. Unused parts are empty.
type FactKey struct {
	Kind        string `json:"kind"`
	Program     string `json:"program,omitempty"`
	Account     string `json:"account,omitempty"`
	Entitlement string `json:"entitlement,omitempty"`
	Person      string `json:"person,omitempty"`
	Key         string `json:"key,omitempty"`
}

// Fact is something small that is remembered from run to run and derived from nothing else: since when somebody is
// absent, a cut, an approval. Grace, expiry and schedules are computed anew from facts in each run.
type Fact struct {
	FactKey
	Since time.Time       `json:"since"`
	Until time.Time       `json:"until,omitzero"`
	Count int             `json:"count,omitempty"`
	Text  string          `json:"text,omitempty"`
	Data  json.RawMessage `json:"data,omitempty"`
}

// Kinds of facts.
const (
	FactUndesired = "undesired" // program, account, entitlement: Since; Text: hashes of the policies that may have desired it last, in lines
	FactMissing   = "missing"   // program, account, entitlement: a complete read first missed a managed holding
	FactLost      = "lost"      // program, account: a complete read first missed a linked account of which nothing is managed; Count: 1 if one that is not complete showed it since
	FactAbsent    = "absent"    // person: Since, Count of complete reads, Text: digest of the last one counted, Until: when it was accepted that the person has left
	FactSuspended = "suspended" // program, account: Since; Text: "rolecall" if ours and done, "other" otherwise
	FactTaken     = "taken"     // program, account, entitlement, person: unmanaged, taken from a leaver; offered as a task on return
	FactContested = "contested" // program, account, entitlement: Count of repairs, 2 at most; Since: the one before the last, or the only one; Until: the last of two
	FactFailing   = "failing"   // program, account, entitlement, Key is the kind of effect (Op.Effect): Count of failures, Until: next try, Text: last error
	FactUndone    = "undone"    // program, account, entitlement: frozen; Text: hash of policy and entry
	FactItem      = "item"      // an approval item; Key: its id
	FactCut       = "cut"       // person: Text is the reason
	FactHold      = "hold"      // person: a legal hold; Text is the reason
	FactPause     = "pause"     // program, or none for all: Text is the reason
	FactExtra     = "extra"     // person, program, entitlement: Until, Text is the reason
	FactBaseline  = "baseline"  // Key: source; Data: the accepted Proof
	FactFormer    = "former"    // program, account, entitlement: not desired, but not to be judged yet; Text: hashes of the policies that may have desired it last, in lines
	FactRun       = "run"       // Since: when the last run planned
	FactHolders   = "holders"   // program or none: Data: highest counts in the window
	FactPolicy    = "policy"    // Text: hashes, in lines: the policy of the last run that saw everybody, and those of the runs since
	FactFiltered  = "settings"  // Key: directory; Text: hash of its settings at the last accepted read
	FactSealed    = "sealed"    // Key: the file outside of the store that has held a checkpoint since
	FactTask      = "task"      // Key: id; something a person must do
	FactWaiting   = "waiting"   // person, program: Since; Text: what an account waits for
	FactUnread    = "unread"    // program, or Key: directory; Count of runs in a row since Since that did not read it completely
	FactLeavers   = "leavers"   // Data: the last days on which somebody began to lose what leavers lose
	FactLeaving   = "leaving"   // program, person: Since when the access of somebody who is out is tried to be taken, in vain so far
	FactSlot      = "slot"      // the last slot of the schedule that was run; Since
	FactUsed      = "used"      // a reviewed plan was applied; Key: its id and time
	FactRestored  = "restored"  // the journal came from a backup, and nobody has accepted yet what it lacks; Data: a Restored
	FactDoubt     = "doubt"     // program, account: Data: a Doubt, what nobody knows of it after a gap in the journal; program none: Text is the question
	FactReKeyed   = "rekeyed"   // person, Key: the directory knows the person by Key now
	FactToken     = "token"     // Key: name; Since, Until; Text: hash of what whoever has it knows; Data: permission and person
	FactTold      = "told"      // Key: channel, what about, hash of what: it was told, and is not told again; person: to whom, where it was of their own access or their team's
	FactReview    = "review"    // Key: name of a review of access that is under way; Since, Until: the last day, Count of lines, Data: its Review
	FactLine      = "line"      // program, account, entitlement, person, Key: the review: a line of it; Text: its state, Data: its ReviewLine
	FactBlock     = "block"     // person, program, entitlement: a review led to it; Until: when to look again, Text is the reason
	FactTake      = "take"      // program, account, entitlement, person: a review decided that it goes, and policy does not give it; Text is the reason
	FactExport    = "export"    // Key: export; Data: how far it went
	FactDelegate  = "delegate"  // person: is stood in for by Key, from the day Since to the day Until; Text is the reason
	FactSeat      = "seat"      // program, person, Key: kind of seat: Since when it is wanted and not there; Text: seatKept; Count: the priority
	FactExpiry    = "expiry"    // an expiry first seen due after a gap waits for one more run
)
