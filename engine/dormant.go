package engine

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"
)

// LastUse says how a program tells when its accounts were last used. The zero value: it does not, or nobody said what that is for.
type LastUse struct {
	Attribute string // of an account: a time or day
	Purpose   string // why it is looked at, for those whom it is about
}

// Used is what a program told about the use of its active accounts.
type Used struct {
	Program string `json:"program"`
	Purpose string `json:"purpose,omitempty"` // why it was looked at; "": it was not
	Active  int    `json:"active"`            // accounts
	Known   int    `json:"known"`             // of which the last use is known
	Unread  int    `json:"unread"`            // that show something which is no time
	Dormant int    `json:"dormant"`           // of the known ones
}

// DormantAccount is an active account that was last used long ago.
type DormantAccount struct {
	Program  string    `json:"program"`
	Account  string    `json:"account"`
	Name     string    `json:"name,omitempty"`
	Kind     string    `json:"kind"`
	Person   string    `json:"person,omitempty"` // key; "" where it is nobody's, or not known
	Login    string    `json:"login,omitempty"`  // of the person
	LastUsed time.Time `json:"last_used"`
	Days     int       `json:"days"` // since then
}

// Dormancy is what was not used for long.
type Dormancy struct {
	Programs []Used           // sorted by name
	Accounts []DormantAccount // the longest unused first
	Proofs   []Proof          // directory first, then programs
}

// Dormant reads everything and says which active accounts were last used at least so many days ago. Only programs with a purpose are
// asked; an account whose last use is not known is none. It changes nothing.
func (e *Engine) Dormant(ctx context.Context, days int) (*Dormancy, error) {
	s, err := e.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	out := &Dormancy{Proofs: e.MakePlan(s).Proofs}
	logins := make(map[string]string, len(s.People))
	for i := range s.People {
		logins[s.People[i].Key] = s.People[i].Login()
	}
	sortReadings(s.Readings)
	for _, r := range s.Readings {
		used, list := r.dormant(s.Memory.Program(r.Program.Name), s.Now, days)
		out.Programs, out.Accounts = append(out.Programs, used), append(out.Accounts, list...)
	}
	for i := range out.Accounts {
		out.Accounts[i].Login = logins[out.Accounts[i].Person]
	}
	slices.SortStableFunc(out.Accounts, func(a, b DormantAccount) int { return a.LastUsed.Compare(b.LastUsed) })
	return out, nil
}

// dormant is sorted by account.
func (r *Reading) dormant(m *ProgramMemory, now time.Time, days int) (used Used, out []DormantAccount) {
	use := r.Program.LastUse
	used = Used{Program: r.Program.Name, Purpose: use.Purpose}
	seats := r.seats(m)
	used.Active = len(seats)
	if use.Purpose == "" || use.Attribute == "" {
		return used, nil
	}
	for _, seat := range seats {
		info := r.info(r.accounts.Number(seat.Account))
		if info == nil || strings.TrimSpace(info.Attributes[use.Attribute]) == "" {
			continue
		}
		last, ok := parseUse(info.Attributes[use.Attribute])
		if !ok {
			used.Unread++
			continue
		}
		used.Known++
		if age := int(now.Sub(last).Hours() / 24); age >= days {
			used.Dormant++
			out = append(out, DormantAccount{Program: seat.Program, Account: seat.Account, Name: seat.Name, Kind: seat.Kind, Person: seat.Person, LastUsed: last, Days: age})
		}
	}
	return used, out
}

// useForms are the forms in which programs tell times; one without a zone is UTC, and of a day its end counts.
func useForms() []string {
	return []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05.999999-07"}
}

// earliestUse is before any program that could have told it: zero times and counters that begin at 1970 mean "never" or nothing.
func earliestUse() time.Time { return time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC) }

func parseUse(text string) (at time.Time, ok bool) {
	text = strings.TrimSpace(text)
	if day, err := time.Parse(time.DateOnly, text); err == nil {
		at = day.AddDate(0, 0, 1)
	}
	for _, form := range useForms() {
		if t, err := time.Parse(form, text); err == nil {
			at = cmp.Or(at, t)
		}
	}
	return at.UTC(), at.After(earliestUse())
}
