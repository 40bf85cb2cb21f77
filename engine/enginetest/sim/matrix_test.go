package sim

import "testing"

// matrix lists the kinds of faults by the rows of the fault matrix that ask for a simulation.
func matrix() map[string][]string {
	return map[string][]string{
		"1 a directory that is empty":                    {"directory: empty"},
		"2 a read that a limit ends":                     {"LDAP: size limit", "LDAP: time limit", "LDAP: too much asked"},
		"3 a connection that is lost within a page":      {"LDAP: cut", "LDAP: closes", "LDAP: silence", "LDAP: cut, and well again", "LDAP: closes, and well again", "LDAP: silence, and well again"},
		"4 a directory that is half empty":               {"directory: half", "directory: refused", "directory: partial", "directory: subtree hidden"},
		"7 members that come in ranges":                  {"LDAP: members in parts"},
		"8 pages that lead nowhere":                      {"LDAP: no paging control", "LDAP: a cookie comes again", "LDAP: garbage"},
		"9 two daemons, and a leader that pauses":        {"pause: after claiming", "pause: between plan and commit", "pause: in the middle of a call"},
		"10 a role or an attribute that is gone":         {"directory: roles gone", "directory: attribute gone", "directory: canary", "directory: group gone", "directory: members unseen"},
		"12 a rule that gives too much":                  {"policy: gives nearly all to everybody"},
		"5, 13 a rule that takes too much, many leavers": {"policy: maps all to nothing", "policy: maps a role to nothing", "event: mass leavers", "event: reorganisation"},
		"15, 16 a journal that can't be written":         {"store: down", "store: unsure"},
		"16 a process that dies":                         {"process: dies before writing", "process: dies after writing", "process: dies after claiming", "call: the process dies before it", "call: the process dies after it"},
		"17 a call whose answer is lost":                 {"call: lost before its effect", "call: lost after its effect"},
		"18 a program that lies":                         {"call: a lie"},
		"19 a list that is partial":                      {"program: list partial", "program: list breaks", "program: list hides a part", "http: page cut short", "http: page repeated", "http: another total"},
		"20 changes by hand":                             {"event: by hand", "http: changed meanwhile"},
		"22 two of one name":                             {"directory: login of somebody else"},
		"25 a replica that lags":                         {"directory: stale", "directory: no mark", "LDAP: cut, and on at a server that lags", "LDAP: groups from a server that lags"},
		"26 a part of the tree that is elsewhere":        {"LDAP: referral"},
		"35 what was there before":                       {"estate from before"},
		"36 a source that is not ready, or hangs up":     {"directory: unreachable", "directory: breaks", "directory: partner down", "directory: no rights", "directory: wrong password", "directory: wrong password, not sent again", "LDAP: no route", "LDAP: base hidden", "LDAP: busy", "LDAP: no route, and well again", "LDAP: busy, and well again"},
		"42 programs that refuse or are down": {"call: refused", "call: fails", "call: takes long", "program: outage", "program: unreachable",
			"http: 429", "http: 429 without a time", "http: 503", "http: 503 without a time", "http: 500", "http: waits", "http: no time to wait", "http: no route", "http: connection lost", "http: panic"},
		"46, 47 clocks, and what ends while nobody looks": {"clock: jumps ahead", "clock: far ahead", "clock: set back", "event: run of the schedule", "event: give"},
		"48 a secret that was rotated":                    {"program: secret rotated", "http: sign-in refused"},
		"49 a 404 for the whole tenant":                   {"http: 404 of something else"},
		"59 malformed messages":                           {"http: HTML with 200", "http: answer cut short"},
		"50 an id that is used again":                     {"program: id reused", "http: group made anew"},
		"54 one bad person or program":                    {"directory: a bad person", "program: panic", "directory: panics", "program: batch breaks"},
		"57 dry runs and reviewed plans":                  {"event: dry run", "event: a reviewed plan is applied"},
		"every key is another one":                        {"event: all keys change"},
	}
}

// complete looks whether every fault came to pass.
func (f *figures) complete(t *testing.T) {
	for row, kinds := range matrix() {
		for _, kind := range kinds {
			if f.faults[kind] == 0 {
				t.Errorf("%s: %q never happened", row, kind)
			}
		}
	}
}

func (f *figures) checked() (n int) {
	for _, c := range f.checks {
		n += c
	}
	return n
}
