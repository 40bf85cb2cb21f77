package web

import (
	"encoding/json"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// recordJSON is one record of the journal, as `rolecall audit list -o json` has it.
type recordJSON struct {
	Seq         int64           `json:"seq"` // 1, 2, 3 … without gaps
	Time        time.Time       `json:"time"`
	Kind        engine.Kind     `json:"kind"`                  //
	Run         string          `json:"run,omitempty"`         // that it belongs to
	Actor       string          `json:"actor,omitempty"`       // who decided
	Person      string          `json:"person,omitempty"`      // key
	Account     string          `json:"account,omitempty"`     //
	Program     string          `json:"program,omitempty"`     //
	Entitlement string          `json:"entitlement,omitempty"` // program or program/name
	Op          engine.Op       `json:"op,omitempty"`          //
	Outcome     engine.Outcome  `json:"outcome,omitempty"`     //
	Of          int64           `json:"of,omitempty"`          // the intent that an outcome belongs to
	Cause       engine.Cause    `json:"cause,omitempty"`       // why it was wanted
	Approved    bool            `json:"approved,omitempty"`    //
	Why         []string        `json:"why"`                   //
	Rules       []string        `json:"rules,omitempty"`       // that give it
	Data        json.RawMessage `json:"data,omitempty"`        // by kind; of single records only
	Hash        string          `json:"hash"`                  // leaf of the Merkle tree, base64
}

func recordOf(e *eventRow) recordJSON {
	out := recordJSON{Seq: e.Seq, Time: e.Time.UTC(), Kind: e.Kind, Run: e.Run, Actor: e.Actor, Person: e.Person, Account: e.Account, Program: e.Program, Op: e.Op, Outcome: e.Outcome, Of: e.Of,
		Cause: e.Cause, Approved: e.Approved, Why: each(e.Why, same), Rules: e.Rules, Hash: e.Hash}
	if e.Right != "" && e.Right != e.Program || e.Op != "" && e.Program != "" {
		out.Entitlement = engine.Entitlement{Program: e.Program, Name: e.Entitlement}.String()
	}
	return out
}

// recordList is a part of the journal, newest first.
type recordList struct {
	Records []recordJSON `json:"records"`
	More    string       `json:"more,omitempty"`   // the address of the next part; absent: this is the last
	Pruned  string       `json:"pruned,omitempty"` // what is not there any more, of the last part: these are not all there ever were
}

func auditOf(v *auditView) (recordList, error) {
	out := recordList{Records: each(v.Events, recordOf), Pruned: v.Pruned}
	if v.More != "" {
		out.More = apiBase + v.More
	}
	return out, nil
}

// recordWhole is one record, and what led to it.
type recordWhole struct {
	Record  recordJSON   `json:"record"`
	Intent  *recordJSON  `json:"intent,omitempty"`  // that it is the outcome of
	Proof   *Proof       `json:"proof,omitempty"`   // that it is in the journal; absent: it can't be made
	Blanked *blankedJSON `json:"blanked,omitempty"` // when, by whom and why what is missing was deleted
}

// blankedJSON says when, by whom and why the records of somebody were blanked.
type blankedJSON struct {
	At     time.Time `json:"at"`
	By     string    `json:"by"`
	Reason string    `json:"reason"`
	Record int64     `json:"record"` // that says so
}

func blankedOf(b *Blanked) blankedJSON { return blankedJSON{b.At.UTC(), b.By, b.Reason, b.Record} }

func wholeOf(v *eventView) (recordWhole, error) {
	out := recordWhole{Record: recordOf(&v.eventRow), Proof: v.Proof, Blanked: maybe(v.Blanked, blankedOf)}
	if json.Valid(v.Data) {
		out.Record.Data = v.Data
	}
	if len(v.Led) > 0 {
		out.Intent = maybe(&v.Led[0], recordOf)
	}
	return out, nil
}

// runRowJSON is a run in a list.
type runRowJSON struct {
	Run      string    `json:"run"`
	Record   int64     `json:"record"` // of the journal
	Time     time.Time `json:"time"`
	Actor    string    `json:"actor"`             // who began it
	Complete bool      `json:"complete"`          // all sources were read completely
	Summary  *summary  `json:"summary,omitempty"` // absent: what the record said was blanked
}

func runRowOf(r *runRow) runRowJSON {
	out := runRowJSON{r.Run, r.Seq, r.Time.UTC(), r.Actor, r.Complete(), nil}
	if !r.Blanked {
		out.Summary = &r.Summary
	}
	return out
}

// runList is a part of the runs, newest first.
type runList struct {
	Runs   []runRowJSON `json:"runs"`
	Before int64        `json:"before,omitempty"` // go on with this; absent: these are the last
	Next   time.Time    `json:"next,omitzero"`    // when the next run begins; absent where another machine or somebody begins it
	Frozen int          `json:"frozen"`           // holdings that are kept as an undo left them, or since others change them again and again
	Pruned string       `json:"pruned,omitempty"` // what is not there any more, of the last part: these are not all there ever were
}

func runsOf(v *runsView) (runList, error) {
	return runList{each(v.Runs, runRowOf), v.More, v.Next.UTC(), v.Frozen, v.Pruned}, nil
}

// runWhole is a run: what it saw, what it did, what became of that.
type runWhole struct {
	runRowJSON
	Policy  string          `json:"policy"`  // hash
	Sources []sourceJSON    `json:"sources"` // as it read them
	Notices []engine.Notice `json:"notices"`
	Changes []madeJSON      `json:"changes"`          // that it decided, up to 500 of them
	More    bool            `json:"more"`             // there are more changes
	Next    string          `json:"next,omitempty"`   // the address of these; absent: there are none
	Decided int             `json:"decided"`          // changes that it began, all in all
	Left    int             `json:"left"`             // of all: not at their end yet
	Money   []sumJSON       `json:"money,omitzero"`   // of the newest run: what its changes cost and save in a month, by currency
	Open    int             `json:"open"`             // of those shown: not at their end yet
	Waiting []engine.Change `json:"waiting,omitzero"` // what it did not do, and why; of older runs the first 100 that were blocked or due later, as far as they are recorded
	Unsaid  int             `json:"unsaid,omitempty"` // of an older run: how many more were blocked or due later
}

// madeJSON is a change and what became of it.
type madeJSON struct {
	Change  engine.Change `json:"change"`
	Outcome string        `json:"outcome"` // open, recorded (an adoption), or the outcome's word
}

func runOf(v *runView) (runWhole, error) {
	out := runWhole{runRowJSON: runRowOf(&v.runRow), Policy: v.Policy, Sources: each(sources(v.Proofs), sourceOf), Notices: each(v.Notices, same), Changes: []madeJSON{}, More: v.More > 0, Decided: v.Decided(), Left: v.Left, Open: v.Open}
	if out.More {
		out.Next = apiBase + v.Further()
	}
	for _, g := range v.Groups {
		out.Changes = append(out.Changes, each(g.Changes, func(r *changeRow) madeJSON { return madeJSON{changeOf(r), r.Says} })...)
	}
	if out.Unsaid = v.Unsaid; v.Newest {
		out.Money = each(v.Money, sumOf)
		out.Waiting = []engine.Change{}
	}
	for _, g := range v.Waiting {
		out.Waiting = append(out.Waiting, each(g.Changes, changeOf)...)
	}
	return out, nil
}

// undoPreview is what undoing a run would do.
type undoPreview struct {
	Run     string          `json:"run"`
	Can     int             `json:"can"` // changes that can be undone
	Changes []engine.Undone `json:"changes"`
}

func undoOf(v *undoView) (undoPreview, error) {
	return undoPreview{v.Run, v.Can, each(v.Undone, func(u *undoneRow) engine.Undone {
		out := u.Undone
		out.Change = changeOf(&u.changeRow)
		return out
	})}, nil
}
