package config

import (
	"net/mail"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// Version is the version of the configuration that this program reads.
const Version = 1

// File is the configuration file. The comments of its fields are the configuration reference.
type File struct {
	// Version of the form of this file: 1.
	Version int `yaml:"version"`
	// Store is where the journal lives: `sqlite:FILE`, or a `postgres://` URL without a password.
	Store string `yaml:"store"`
	// StorePassword is the password for a PostgreSQL store.
	StorePassword engine.Secret `yaml:"store_password"`
	// Policies is the folder of the policy files.
	Policies string `yaml:"policies"`
	// Schedule says when the daemon runs: five-field cron, in UTC unless it begins with `CRON_TZ=Europe/Berlin`.
	Schedule string `yaml:"schedule"`
	// Zone is the IANA time zone for the dates of people who have none of their own.
	Zone string `yaml:"zone"`
	// Listen is the address of the page that the daemon shows, on loopback; empty: none. For others put a proxy on the same machine in front of it, with a `login`.
	Listen string `yaml:"listen"`
	// Login says how people sign in to the page and what they may do there. Without it the page only shows, to the machine itself.
	Login *Login `yaml:"login"`
	// Health is the address of `/healthz`, `/readyz` and `/metrics` of the daemon; empty: none.
	Health string `yaml:"health"`
	// Directories are where people come from. Exactly one has `authority: people`.
	Directories []Directory `yaml:"directories"`
	// Programs by name: lower-case letters, digits, dots, dashes, underscores.
	Programs map[string]*Program `yaml:"programs"`
	// Leavers says how people who left are treated.
	Leavers Leavers `yaml:"leavers"`
	// Limits on how much one run, or a day of runs, may change.
	Limits Limits `yaml:"limits"`
	// Expect announces waves, so that they need no approval item by item. A list.
	Expect []Expect `yaml:"expect"`
	// Alarms says from when on something that does not happen is an alarm.
	Alarms Alarms `yaml:"alarms"`
	// Approvals says who may approve what.
	Approvals Approvals `yaml:"approvals"`
	// Protected names people, by key or login, whose removals always need approval.
	Protected []string `yaml:"protected"`
	// Audit says how the journal is made checkable from outside.
	Audit Audit `yaml:"audit"`
	// Notices says who is told what by the daemon, each thing once.
	Notices Notices `yaml:"notices"`
	// Exports are where the daemon sends the journal as it grows, by name.
	Exports map[string]*Export `yaml:"exports"`

	Path   string `yaml:"-"` // of the file itself, as it was given
	Source string `yaml:"-"` // the same, absolute
	Dir    string `yaml:"-"` // relative paths start here
	Hash   string `yaml:"-"` // of its content
	Text   string `yaml:"-"` // its content
	places map[any]engine.Place
}

// Leavers says how people who left are treated.
type Leavers struct {
	// Unmanaged says what happens to what a leaver holds and Rolecall did not grant: `suspend`, `approve` (suspend after
	// approval) or `report`. There is no default.
	Unmanaged engine.UnmanagedMode `yaml:"unmanaged"`
	// Wait is the time from the suspension of a leaver's account to its deletion, in programs with `delete: true`.
	Wait time.Duration `yaml:"wait"`
	// Grace is how long leavers keep their access. 0 unless set.
	Grace time.Duration `yaml:"grace"`
	// Absences is how many complete reads must miss somebody before that counts as leaving: 2, or 3 without canaries.
	Absences int `yaml:"absences"`
	// Apart is the least time between the first and the last of these reads.
	Apart time.Duration `yaml:"apart"`
}

// Limits are kept per program, per source and in all. What exceeds them waits for approval.
type Limits struct {
	// Revoke limits removals.
	Revoke RevokeLimits `yaml:"revoke"`
	// Leavers limits people who leave, who have a budget of their own.
	Leavers engine.Limit `yaml:"leavers"`
	// Grant limits what is given.
	Grant engine.Limit `yaml:"grant"`
}

// RevokeLimits limits removals in two ways.
type RevokeLimits struct {
	// People limits how many people lose something.
	People engine.Limit `yaml:"people"`
	// Holdings limits how many holdings are taken.
	Holdings engine.Limit `yaml:"holdings"`
}

// Expect is an announced wave: on its days the limits of its scope are raised by so many, once. What is beyond still waits for
// approval; so does what a change of the policy takes away. It raises no other guard.
type Expect struct {
	// Scope is `all`, `program NAME` or `source NAME` (a directory).
	Scope string `yaml:"scope"`
	// Of is what there will be more of: `revoke`, `leavers` or `grant`.
	Of string `yaml:"of"`
	// People is how many people more may lose something (`revoke`) or leave (`leavers`).
	People int `yaml:"people"`
	// Holdings is how many holdings more may be taken (`revoke`) or given (`grant`).
	Holdings int `yaml:"holdings"`
	// From is the first day, which begins at midnight in the company's zone.
	From time.Time `yaml:"from"`
	// Until is the last day; at most 31 days in all.
	Until time.Time `yaml:"until"`
	// Approver is who allowed it.
	Approver string `yaml:"approver"`
	// Reason why, for those who read the journal later.
	Reason string `yaml:"reason"`
}

// Approvals says who may approve what.
type Approvals struct {
	// FourEyes keeps whoever changed the policy, as Git tells by authors and committers, from approving what follows from it.
	FourEyes bool `yaml:"four_eyes"`
	// Logins are by the operating system's login the names or addresses under which somebody is an author in Git. Everybody is also known by the address before the @ and by the name, unless these are listed as somebody else's.
	Logins map[string][]string `yaml:"logins"`
	// Escalate says when what waits for approval is told to others.
	Escalate Escalate `yaml:"escalate"`
}

// Escalate says when what waits for approval is told to others, and to whom.
type Escalate struct {
	// After is how long it may wait. 0: it is told to nobody.
	After time.Duration `yaml:"after"`
	// To are those who should hear of it then. Mail addresses among them are sent each such change once, by the server and sender of the channel of kind `mail` in `notices` (of several, the one of `people: {through}`, or the first by name); other names are for people to read. Channels that want alarms are told as well. A list.
	To []string `yaml:"to"`
}

// Addresses are those of To that mail can be sent to.
func (e *Escalate) Addresses() (out []*mail.Address) {
	for _, text := range e.To {
		if a, err := mail.ParseAddress(text); err == nil {
			out = append(out, a)
		}
	}
	return out
}

// Alarms says from when on something that does not happen is an alarm.
type Alarms struct {
	// Quiet is how many times the longest time between two days with leavers, of the last twenty, may pass without any leaver. 0: never an alarm. It says nothing before there were eight such days in at least 30 days.
	Quiet float64 `yaml:"quiet"`
	// Unread is how many runs in a row may fail to read a source completely. 0: never an alarm.
	Unread int `yaml:"unread"`
	// Unfinished is how long a leaver, or somebody cut off, may keep access that is to be taken; then it is an alarm and a task.
	Unfinished time.Duration `yaml:"unfinished"`
}

// Audit says how the journal is made checkable from outside.
type Audit struct {
	// Key is the secret key that signs checkpoints of the journal.
	Key engine.Secret `yaml:"key"`
	// Verifier is the public key that belongs to it, as `rolecall audit key` prints it.
	Verifier string `yaml:"verifier"`
	// Checkpoints is the file that holds the last signed checkpoint. Keep it where whoever can write the store cannot write.
	Checkpoints string `yaml:"checkpoints"`
	// Keep is how long the journal's records are kept, at least 90d, such as `730d`. Nothing is deleted by itself: the daemon says once a day what is older, and `rolecall audit prune` empties it. 0: for ever.
	Keep time.Duration `yaml:"keep"`
}

// PlaceOf is where a value of the configuration stands; field is a pointer to it. The file as a whole if it is not there.
func (f *File) PlaceOf(field any) engine.Place {
	if p, ok := f.places[field]; ok {
		return p
	}
	return engine.Place{File: f.Path}
}
