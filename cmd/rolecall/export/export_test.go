package export

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/rolecall/rolecall/engine"
)

func hostile() []string {
	return []string{"ada", "", "a\nb", "a\r\nCEF:0|x|y|1|z|w|10|", "a|b", `a"] [evil@1 x="1`, `a\`, `\]`, "a=b duser=root", "a\x00b", "\u2028", "\u202e", "\x1b[31m", "a\xffb", "<13>1 - -", "Zoë 山田",
		"\ufeff", "rolecall\\", "x] y", strings.Repeat("long ", 300)}
}

func entry(s string, kind engine.Kind, op engine.Op, outcome engine.Outcome) Entry {
	data, err := json.Marshal(map[string]string{"login": s, "name": s})
	if err != nil {
		panic(err)
	}
	at := time.Date(2027, 1, 4, 9, 0, 0, 123456000, time.UTC)
	e := Entry{Record: engine.Record{Seq: 7, Time: at, Kind: kind, Run: s, Actor: s, Person: s, Program: s, Account: s, Entitlement: s, Op: op, Outcome: outcome, Of: 3,
		Cause: engine.CauseRule, Rules: []string{s}, Why: []string{s, s}, Hash: "h"}}
	if kind == engine.KindAdopt || kind == engine.KindIntent {
		e.Data = data
	} else {
		e.Intent = &engine.Record{Seq: 3, Kind: engine.KindIntent, Actor: s, Why: []string{s}, Rules: []string{s}, Data: data}
	}
	return e
}

// TestOneLine: whatever a value holds, an entry is one line of plain text.
func TestOneLine(t *testing.T) {
	for _, s := range hostile() {
		for _, kind := range engine.Kinds() {
			for _, word := range Forms() {
				form, _ := FormOf(word)
				line, err := form(entry(s, kind, engine.OpGrant, engine.Done))
				if err != nil {
					t.Fatal(err)
				}
				checkLine(t, word, line)
			}
		}
	}
}

func checkLine(t *testing.T, word string, line []byte) {
	t.Helper()
	if line == nil && word == "ocsf" {
		return
	}
	text, ended := strings.CutSuffix(string(line), "\n")
	if !ended || !utf8.ValidString(text) {
		t.Errorf("%s: no line of UTF-8: %q", word, line)
	}
	for _, r := range text {
		if unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) {
			t.Errorf("%s: %U in %q", word, r, line)
		}
	}
}

// syslogLine is the ABNF of RFC 5424, 6, as far as these lines use it.
var syslogLine = regexp.MustCompile(`^<(\d{1,3})>1 (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{1,6}Z) - rolecall - ([!-~]{1,32}) \[rolecall@32473((?: [!#-<>-\\^-~]{1,32}="(?:[^"\\\]]|\\["\\\]])*")+)\] ([ -~]*)\n$`)

func TestSyslog(t *testing.T) {
	for _, s := range hostile() {
		line, _ := Syslog(entry(s, engine.KindOutcome, engine.OpGrant, engine.Refused))
		m := syslogLine.FindSubmatch(line)
		if m == nil {
			t.Errorf("%q is no RFC 5424", line)
			continue
		}
		if string(m[1]) != "108" || string(m[3]) != "outcome" || string(m[5]) != "outcome grant refused" {
			t.Errorf("%q", line)
		}
		if s == `a\` && !bytes.Contains(line, []byte(`account="a\\" `)) {
			t.Errorf("%q", line)
		}
	}
}

// TestCEF reads the lines back as the format says: seven bars that are not escaped, then keys, of which no value can make another.
func TestCEF(t *testing.T) {
	for _, s := range hostile() {
		line, _ := CEF(entry(s, engine.KindOutcome, engine.OpGrant, engine.Done))
		parts := unescapedSplit(strings.TrimSuffix(string(line), "\n"), 7)
		if len(parts) != 8 || parts[0] != "CEF:0" || parts[4] != "outcome" || parts[6] != "3" {
			t.Errorf("%q", parts)
			continue
		}
		keys := map[string]int{}
		for _, m := range regexp.MustCompile(`(?:^| )([A-Za-z0-9]+)=`).FindAllStringSubmatch(parts[7], -1) {
			keys[m[1]]++
		}
		for k, n := range keys {
			if n != 1 {
				t.Errorf("%s stands %d times in %q", k, n, line)
			}
		}
		if strings.Contains(s, "duser=root") && !strings.Contains(parts[7], `duser\=root`) {
			t.Errorf("%q", line)
		}
	}
}

// unescapedSplit cuts at the first bars without a backslash.
func unescapedSplit(text string, most int) (parts []string) {
	start := 0
	for i := 0; i < len(text) && len(parts) < most; i++ {
		switch text[i] {
		case '\\':
			i++
		case '|':
			parts, start = append(parts, text[start:i]), i+1
		}
	}
	return append(parts, text[start:])
}

func schemaOf(t *testing.T, class int) *jsonschema.Schema {
	t.Helper()
	file := map[int]string{accountChange: "testdata/ocsf-1.3.0-account_change.json", userAccess: "testdata/ocsf-1.3.0-user_access.json"}[class]
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource(file, parsed); err != nil {
		t.Fatal(err)
	}
	return c.MustCompile(file)
}

// TestOCSF holds every event against the schema that OCSF 1.3.0 publishes.
func TestOCSF(t *testing.T) {
	schemas := map[int]*jsonschema.Schema{accountChange: schemaOf(t, accountChange), userAccess: schemaOf(t, userAccess)}
	for _, s := range hostile() {
		for _, kind := range []engine.Kind{engine.KindOutcome, engine.KindLate, engine.KindAdopt} {
			for _, op := range engine.Ops() {
				for _, o := range engine.Outcomes() {
					checkEvent(t, schemas, entry(s, kind, op, o))
				}
			}
		}
	}
}

func checkEvent(t *testing.T, schemas map[int]*jsonschema.Schema, e Entry) {
	t.Helper()
	line, err := OCSF(e)
	if err != nil {
		t.Fatal(err)
	}
	var known struct {
		Class    int   `json:"class_uid"`
		Type     int   `json:"type_uid"`
		Activity int   `json:"activity_id"`
		Time     int64 `json:"time"`
	}
	if err := json.Unmarshal(line, &known); err != nil || known.Type != known.Class*100+known.Activity || known.Time != 1799053200123 {
		t.Fatalf("%s: %v, %+v", line, err, known)
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(line))
	if err != nil {
		t.Fatal(err)
	}
	if err := schemas[known.Class].Validate(value); err != nil {
		t.Errorf("%s %s %s: %v", e.Kind, e.Op, e.Outcome, err)
	}
}

// TestActivities: each operation is the activity that OCSF has for it.
func TestActivities(t *testing.T) {
	for op, want := range map[engine.Op]string{engine.OpCreate: "3001 1", engine.OpResume: "3001 2", engine.OpSuspend: "3001 5", engine.OpDelete: "3001 6", engine.OpRename: "3001 99",
		engine.OpUpdate: "3001 99", engine.OpGrant: "3005 1", engine.OpRevoke: "3005 2", engine.OpAdopt: "3005 99"} {
		if a := activityOf(op); fmt.Sprint(a.class, " ", a.id) != want {
			t.Errorf("%s is %+v", op, a)
		}
	}
}
