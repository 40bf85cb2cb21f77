package web

import "net/url"

// decideBody decides what waits for somebody's approval.
type decideBody struct {
	Decision string   `json:"decision"` // approve or reject
	Items    []string `json:"items"`    // ids of items that wait
	Reason   string   `json:"reason"`   // for those who read the journal later
}

func (b decideBody) form() url.Values {
	return url.Values{"do": {b.Decision}, "item": b.Items, "reason": {b.Reason}}
}

// giveBody gives somebody an extra.
type giveBody struct {
	Entitlement string `json:"entitlement"` // program or program/name
	Until       string `json:"until"`       // its last day, 2027-01-31
	Reason      string `json:"reason"`      // for those who read the journal later
}

func (b giveBody) form() url.Values {
	return url.Values{"entitlement": {b.Entitlement}, "until": {b.Until}, "reason": {b.Reason}}
}

// reasonBody says why something is to be done.
type reasonBody struct {
	Reason string `json:"reason"` // for those who read the journal later
}

func (b reasonBody) form() url.Values { return url.Values{"reason": {b.Reason}} }

// pauseBody stops work.
type pauseBody struct {
	Program *string `json:"program"` // "" is everything, and must be said
	Reason  string  `json:"reason"`  // for those who read the journal later
}

func (b pauseBody) form() url.Values {
	v := url.Values{"reason": {b.Reason}}
	named(v, b.Program)
	return v
}

// resumeBody lets work go on.
type resumeBody struct {
	Program *string `json:"program"` // "" ends the pause of everything
}

func (b resumeBody) form() url.Values {
	v := url.Values{}
	named(v, b.Program)
	return v
}

// named is the program that was sent; everything is never what was left out.
func named(v url.Values, program *string) {
	if program != nil {
		v.Set("program", *program)
	}
}

// taskBody ticks off something that was done by hand.
type taskBody struct {
	Task   string `json:"task"`   // id
	Reason string `json:"reason"` // what was done, for those who read the journal later
}

func (b taskBody) form() url.Values { return url.Values{"task": {b.Task}, "reason": {b.Reason}} }

// delegateBody lets somebody decide in the place of whoever asks.
type delegateBody struct {
	To     string `json:"to"`     // key, login or mail
	From   string `json:"from"`   // the first day, 2027-01-31
	Until  string `json:"until"`  // the last day
	Reason string `json:"reason"` // for those who read the journal later
}

func (b delegateBody) form() url.Values {
	return url.Values{"to": {b.To}, "from": {b.From}, "until": {b.Until}, "reason": {b.Reason}}
}

// endDelegationBody ends that somebody may decide in the place of somebody.
type endDelegationBody struct {
	Of     string `json:"of"`     // key of whose place it is
	To     string `json:"to"`     // key of who may decide in it
	Reason string `json:"reason"` // for those who read the journal later
}

func (b endDelegationBody) form() url.Values {
	return url.Values{"of": {b.Of}, "to": {b.To}, "reason": {b.Reason}}
}

// startReviewBody begins a review of access.
type startReviewBody struct {
	Name      string   `json:"name"`
	Scope     []string `json:"scope"`     // program:NAME, entitlement:PROGRAM/NAME, role:NAME or person:LOGIN; all of them hold; none: everything
	Reviewers string   `json:"reviewers"` // managers or owners
	Due       string   `json:"due"`       // the last day for decisions, 2027-01-31
	Keep      string   `json:"keep"`      // the last day of what is kept although policy does not give it; "": a year after due
	Undecided bool     `json:"undecided"` // only what policy does not give
	Reason    string   `json:"reason"`    // for those who read the journal later
}

func (b startReviewBody) form() url.Values {
	v := url.Values{"name": {b.Name}, "scope": b.Scope, "reviewers": {b.Reviewers}, "due": {b.Due}, "keep": {b.Keep}, "reason": {b.Reason}}
	if b.Undecided {
		v.Set("undecided", "yes")
	}
	return v
}

// decideReviewBody decides on lines of a review.
type decideReviewBody struct {
	Decision string   `json:"decision"` // keep or revoke
	Lines    []string `json:"lines"`    // ids of lines
	Until    string   `json:"until"`    // the last day of what is kept although policy does not give it, 2027-01-31; "": the review's
	Reason   string   `json:"reason"`   // for those who read the journal later
}

func (b decideReviewBody) form() url.Values {
	return url.Values{"do": {b.Decision}, "line": b.Lines, "until": {b.Until}, "reason": {b.Reason}}
}

// doneJSON says what was done.
type doneJSON struct {
	Done  string `json:"done"`            // approve, reject, give, cut, cutting (recorded and under way), lift, pause, resume, undo, done (a task), release, delegate, undelegate; of reviews: begun, keep, revoke, closed
	Count int    `json:"count,omitempty"` // how many items, or lines
	See   string `json:"see"`             // where to look then
}
