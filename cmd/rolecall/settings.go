package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"
	"time"

	"github.com/rolecall/rolecall/cmd/rolecall/config"
	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/dispatch"
	"github.com/rolecall/rolecall/policies"
)

// settings is what plans depend on besides policy.
func settings(cfg *config.File, protected policies.Protected, now time.Time) engine.Settings {
	return engine.Settings{
		Zone: zone(cfg), Unmanaged: cfg.Leavers.Unmanaged, LeaverGrace: cfg.Leavers.Grace, Absences: absences(cfg), Apart: cfg.Leavers.Apart,
		ProtectedPeople: append(append([]string{}, cfg.Protected...), protected.People...), Slot: slot(cfg, now), Hash: cfg.Hash, Filters: filters(cfg),
		Limits:   limitsOf(cfg),
		Expected: expected(cfg),
		Escalate: engine.Escalation{After: cfg.Approvals.Escalate.After, To: cfg.Approvals.Escalate.To},
		Alarms:   engine.Alarms{Quiet: cfg.Alarms.Quiet, Unread: cfg.Alarms.Unread, Unfinished: cfg.Alarms.Unfinished},
	}
}

func limitsOf(cfg *config.File) engine.Limits {
	l := &cfg.Limits
	return engine.Limits{RevokePeople: l.Revoke.People, RevokeHoldings: l.Revoke.Holdings, Leavers: l.Leavers, Grant: l.Grant}
}

// expected are the announced waves. Their days are those of the company's zone, the last one included.
func expected(cfg *config.File) (out []engine.Expected) {
	z := zone(cfg)
	midnight := func(day time.Time) time.Time { return time.Date(day.Year(), day.Month(), day.Day(), 0, 0, 0, 0, z) }
	for i := range cfg.Expect {
		x := &cfg.Expect[i]
		kind, name, _ := strings.Cut(x.Scope, " ")
		out = append(out, engine.Expected{Scope: kind, Name: name, Class: classes()[x.Of], People: x.People, Holdings: x.Holdings,
			From: midnight(x.From), Until: midnight(x.Until.AddDate(0, 0, 1)), Approver: x.Approver, Reason: x.Reason})
	}
	return out
}

func classes() map[string]engine.Class {
	return map[string]engine.Class{"revoke": engine.ChargeRevoke, "leavers": engine.ChargeLeaver, "grant": engine.ChargeGrant}
}

// absences is how many complete reads must miss somebody: one more where no canary shows that a read saw what it should.
func absences(cfg *config.File) int {
	if cfg.Leavers.Absences > 0 {
		return cfg.Leavers.Absences
	}
	for i := range cfg.Directories {
		if d := &cfg.Directories[i]; d.Authority == "people" && len(d.Canaries) > 0 {
			return 2
		}
	}
	return 3
}

func slot(cfg *config.File, now time.Time) time.Duration {
	s, err := dispatch.ParseSchedule(cfg.Schedule)
	if err != nil {
		return 0
	}
	return config.Slot(s, now)
}

// filters hashes what each directory is asked for, by whom and where: after a change of it, absences are held back once. How it is
// asked (certificates, time-outs, pages) and how old a file may be change nothing of who is shown.
func filters(cfg *config.File) map[string]string {
	out := map[string]string{}
	for i := range cfg.Directories {
		d := &cfg.Directories[i]
		asked := struct {
			Kind, Key string
			File      *config.FileSource
			LDAP      *config.LDAPSource
		}{Kind: d.Kind, Key: d.Key}
		if d.File != nil {
			file := *d.File
			file.MaxAge, file.Complete = 0, config.Complete{}
			asked.File = &file
		}
		if d.LDAP != nil {
			l := *d.LDAP
			l.CA, l.ServerName, l.StartTLS, l.Plain, l.Timeout, l.PageSize = "", "", false, false, 0, 0
			asked.LDAP = &l
		}
		text, err := json.Marshal(asked) // secrets in it are references
		if err != nil {
			continue
		}
		sum := sha256.Sum256(text)
		out[d.Name] = hex.EncodeToString(sum[:8])
	}
	return out
}
