package export

import (
	"bytes"
	"encoding/json"

	"github.com/rolecall/rolecall/cmd/rolecall/render"
	"github.com/rolecall/rolecall/engine"
)

// The form of OCSF 1.3.0, classes 3001 (Account Change) and 3005 (User Access Management), with the profile host, which has the
// actor. Fields are only ever added.
type event struct {
	ActivityID   int       `json:"activity_id"`
	ActivityName string    `json:"activity_name"`
	CategoryUID  int       `json:"category_uid"`
	CategoryName string    `json:"category_name"`
	ClassUID     int       `json:"class_uid"`
	ClassName    string    `json:"class_name"`
	TypeUID      int       `json:"type_uid"`
	Time         int64     `json:"time"` // milliseconds since 1970
	SeverityID   int       `json:"severity_id"`
	StatusID     int       `json:"status_id"`
	Status       string    `json:"status,omitempty"`
	StatusDetail string    `json:"status_detail,omitempty"`
	Message      string    `json:"message,omitempty"`
	Metadata     metadata  `json:"metadata"`
	Actor        actor     `json:"actor"`
	User         user      `json:"user"`
	Privileges   []string  `json:"privileges,omitempty"` // of 3005
	Resource     *resource `json:"resource,omitempty"`   // of 3005
	Policy       *resource `json:"policy,omitempty"`     // of 3001
	Unmapped     unmapped  `json:"unmapped"`
}

type metadata struct {
	Version     string   `json:"version"`
	Product     product  `json:"product"`
	Profiles    []string `json:"profiles"`
	Sequence    int64    `json:"sequence"`
	UID         string   `json:"uid"`
	Correlation string   `json:"correlation_uid,omitempty"`
	LogName     string   `json:"log_name"`
}

type product struct {
	Name   string `json:"name"`
	Vendor string `json:"vendor_name"`
}

type actor struct {
	User user `json:"user"`
}

type user struct {
	Name     string   `json:"name,omitempty"`
	UID      string   `json:"uid,omitempty"`
	FullName string   `json:"full_name,omitempty"`
	Account  *account `json:"account,omitempty"`
}

type account struct {
	Name string `json:"name"`
}

type resource struct {
	Name string `json:"name"`
	Type string `json:"type,omitempty"`
}

// unmapped is what OCSF has no place for.
type unmapped struct {
	Kind    engine.Kind  `json:"kind"`
	Op      engine.Op    `json:"op,omitempty"`
	Program string       `json:"program,omitempty"`
	Cause   engine.Cause `json:"cause,omitempty"`
	Rules   []string     `json:"rules,omitempty"`
	Of      int64        `json:"of,omitempty"`
}

const (
	accountChange = 3001
	userAccess    = 3005
	other         = 99
)

// activity is what an operation is in OCSF.
type activity struct {
	class, id int
	name      string
}

func activityOf(op engine.Op) activity {
	switch op {
	case engine.OpCreate:
		return activity{accountChange, 1, "Create"}
	case engine.OpResume:
		return activity{accountChange, 2, "Enable"}
	case engine.OpSuspend:
		return activity{accountChange, 5, "Disable"}
	case engine.OpDelete:
		return activity{accountChange, 6, "Delete"}
	case engine.OpUpdate, engine.OpRename:
		return activity{accountChange, other, string(op)}
	case engine.OpGrant:
		return activity{userAccess, 1, "Assign Privileges"}
	case engine.OpRevoke:
		return activity{userAccess, 2, "Revoke Privileges"}
	}
	return activity{userAccess, other, string(op)}
}

// OCSF is a line of JSON for what was done to accounts and rights: results, late ones too, and adoptions.
func OCSF(e Entry) ([]byte, error) {
	switch e.Kind {
	case engine.KindOutcome, engine.KindLate, engine.KindAdopt:
	default:
		return nil, nil
	}
	var b bytes.Buffer
	encoder := json.NewEncoder(render.Visible(&b))
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(e.event())
	return b.Bytes(), err
}

func (e *Entry) event() event {
	a, act, op := e.who(), activityOf(e.Op), e.Op
	if e.Kind == engine.KindAdopt {
		act, op = activity{userAccess, other, "Adopt"}, engine.OpAdopt
	}
	why, detail := e.reason()
	out := event{ActivityID: act.id, ActivityName: act.name, CategoryUID: 3, CategoryName: "Identity & Access Management", ClassUID: act.class, ClassName: "Account Change",
		TypeUID: act.class*100 + act.id, Time: e.Time.UnixMilli(), SeverityID: 1, Message: why, StatusDetail: detail,
		Metadata: metadata{"1.3.0", product{"Rolecall", "Rolecall"}, []string{"host"}, e.Seq, e.Hash, e.Run, "journal"},
		Actor:    actor{user{Name: named(e.Actor, e.Intent)}}, User: user{Name: a.Login, UID: e.Person, FullName: a.Name},
		Unmapped: unmapped{e.Kind, op, e.Program, e.Cause, e.Rules, e.Of}}
	if e.Account != "" {
		out.User.Account = &account{e.Account}
	} else if a.Login == "" && e.Person == "" {
		out.User.Name = "unknown"
	}
	if act.class == userAccess {
		out.ClassName, out.Privileges, out.Resource = "User Access Management", []string{e.entitlement()}, &resource{Name: e.Program, Type: "program"}
	}
	out.StatusID, out.Status = status(e)
	if e.wrong() {
		out.SeverityID = 3
	}
	return out
}

// named is who decided: an outcome is recorded by the program itself.
func named(recorded string, intent *engine.Record) string {
	if intent != nil && intent.Actor != "" {
		return intent.Actor
	}
	if recorded == "" {
		return "unknown"
	}
	return recorded
}

// status is 1 for success, 2 for failure, 99 for everything else, with the word of the journal.
func status(e *Entry) (int, string) {
	switch {
	case e.Kind == engine.KindLate:
		return other, "late: " + string(e.Outcome)
	case e.Kind == engine.KindAdopt, e.Outcome == engine.Done:
		return 1, "Success"
	case e.Outcome == engine.Already:
		return other, string(e.Outcome)
	case e.Outcome == engine.Refused, e.Outcome == engine.Failed:
		return 2, "Failure"
	}
	return other, string(e.Outcome)
}
