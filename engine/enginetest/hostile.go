package enginetest

import (
	"fmt"
	"strings"
)

// HostileText is one value that something somewhere was once fooled by.
type HostileText struct {
	Kind string // what it is hostile to
	Text string
}

// HostileCount is how many Hostile gives.
const HostileCount = 1000

// Hostile gives HostileCount different texts, the same ones each time: the families below as they are, between harmless
// letters, at the start, at the end, doubled, and behind one another, until there are enough.
func Hostile() []HostileText {
	out := make([]HostileText, 0, HostileCount)
	seen := map[string]bool{}
	add := func(kind, text string) {
		if len(out) < HostileCount && !seen[text] {
			seen[text] = true
			out = append(out, HostileText{kind, text})
		}
	}
	families := hostileFamilies()
	for _, frame := range []string{"%s", "a%sb", "Ann %s", "%sx", "%[1]s%[1]s", "Ünï%s"} {
		for _, f := range families {
			for _, t := range f.texts {
				add(f.kind, fmt.Sprintf(frame, t))
			}
		}
	}
	for shift := 1; len(out) < HostileCount; shift++ {
		for i, f := range families {
			other := families[(i+shift)%len(families)]
			for n, t := range f.texts {
				add(f.kind+" and "+other.kind, t+other.texts[n%len(other.texts)])
			}
		}
	}
	return out
}

type hostileFamily struct {
	kind  string
	texts []string
}

func hostileFamilies() []hostileFamily {
	return []hostileFamily{
		{"LDAP filters", []string{"*", "(", ")", `\`, "*)(uid=*", ")(|(uid=*", "*)(objectClass=*))(&(a=b", `\2a`, `\zz`, "&", "|", "!", "(cn=*)", `\28`}},
		{"DNs", []string{",", "+", "=", "#", ";", "<", ">", `"`, ",dc=evil,dc=com", "+uid=admin", "#04024869", `\,`, `\2c`, " lead", "trail ", "cn=admin,dc=example,dc=com", `a\`}},
		{"SQL", []string{"'", "''", `'; DROP TABLE account; --`, `" ; DROP ROLE app; --`, "-- ", "/*", "*/", "$1", "$$", "$tag$", ":name", "?", "@rows", "E'\\'", `U&"\0041"`, "\u02BC", "\u2019", "\uFF07",
			"1 OR 1=1", "' UNION SELECT 1,2 --", ";", "%", "_", "NULL", "::text", "` ` `"}},
		{"spreadsheets", []string{"=1+1", "+1", "-1", "@SUM(A1)", "=HYPERLINK(\"http://evil\")", "=cmd|' /C calc'!A0", "\t=1", "\r=1", "\n=1", "\uFF1D1", "\uFF0B1", "\uFF0D1", "\uFF201", ";=1", `",=1,"`, "0x=1"}},
		{"HTML", []string{"<script>alert(1)</script>", "</td></tr><tr>", "<img src=x onerror=alert(1)>", "&lt;", "&#60;", "\" onmouseover=\"x", "' onx='", "<!--", "-->", "]]>", "<svg/onload=x>", "javascript:alert(1)",
			"</title>", "</script>", "<b", "\u2028alert(1)", "{{7*7}}", "\"><a href=//evil>"}},
		{"Markdown", []string{"| a | b |", "[x](http://evil)", "![x](http://evil)", "**bold**", "`code`", "# head", "```", "~~x~~", "<http://evil>", "www.evil.example", "\\|", "---", "- [ ] x", "&copy;", "$x$", "[^1]", "@team"}},
		{"lines", []string{"\n", "\r", "\r\n", "\n\n", "\u2028", "\u2029", "\u0085", "\v", "\f", "x\nINFO forged=true", "x\r\nSet-Cookie: a=b", "\n# entries: 1", "\nrows,1", "\x1c\x1d\x1e", "a\nb,c\nd"}},
		{"terminals", []string{"\x1b[31m", "\x1b[2J", "\x1b]0;owned\a", "\x1b]8;;http://evil\x1b\\x\x1b]8;;\x1b\\", "\x1b]52;c;ZXZpbA==\a", "\u009b31m", "\u009d0;x\u009c", "\x07", "\x08\x08\x08", "\x7f", "\x1bP1;1|x\x1b\\",
			"\x1b[6n", "\x1b[?1049h", "\x0e\x0f", "\x9b31m", "\x1bc"}},
		{"directions", []string{"\u202e", "\u202a\u202c", "\u2066\u2069", "\u200f", "\u061c", "gpj\u202e.exe", "\u202dabc\u202c", "a\u2067b"}},
		{"what is not seen", []string{"\u200b", "\u200c", "\u200d", "\u2060", "\ufeff", "\u00ad", "\u034f", "\u3164", "\uffa0", "\u115f", "\U000E0041\U000E007F", "\ufe0f", "\u180e", "\u2800", "\ufff9x\ufffb"}},
		{"normal forms", []string{"é", "e\u0301", "Å", "A\u030a", "\u212b", "ﬁ", "ſ", "ＡＬＩＣＥ", "①", "\u1e9b\u0323", "가", "\u1100\u1161", "\u0344", "a\u0327\u0301"}},
		{"cases", []string{"İ", "ı", "i\u0307", "ß", "ẞ", "Σς", "ǅ", "K", "ŉ", "ﬀ", "TITLE", "title"}},
		{"bytes", []string{"\x00", "a\x00b", "\xff", "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x28\xa1", "\x80", "\ufffd", "\ufffe", "\U0010ffff", "\xc3"}},
		{"length", []string{strings.Repeat("x", 64), strings.Repeat("é", 200), strings.Repeat("x", 5000), strings.Repeat("a b ", 800), strings.Repeat("\u0301", 300), "", " ", strings.Repeat(" ", 300)}},
		{"YAML and JSON", []string{": ", "- x", "&a", "*a", "!!binary x", "|", ">", "%YAML", "{a: b}", "[a]", `{"a":1}`, `"`, `\u0000`, `\ud800`, "yes", "null", "~", "0o7", "1e9", "<<", "---", "...", "#x", "__proto__"}},
		{"templates", []string{"{login}", "{{login}}", "${HOME}", "$(id)", "`id`", "%s%n", "%!s(int=1)", "#{7*7}", "<%= 7 %>", "{% x %}", "{0}", "{key}", "{", "}"}},
		{"shells", []string{"; rm -rf /", "| id", "&& id", "> /tmp/x", "$IFS", "'\"'", "\\", "~", "-rf", "--upload-pack=x", "--output=/tmp/x", "--exec=id", "-o", "!!", "*", "?", "ext::sh -c id", "a:b"}},
		{"paths", []string{"../../etc/passwd", "/etc/passwd", "..", ".", "./x", "a/../../b", "..\\..\\x", "C:\\x", "file:///etc/passwd", "%2e%2e%2f", "//evil/x", "CON", "~/x", "/dev/zero", "/proc/self/environ"}},
		{"names of ours", []string{"new:", "new:ann", "dn:", "dn:cn=x", "group:", ".exists", "wiki/.exists", "#7", "rolecall", "rolecall: made for x", "sqlite:", "r1", "title:clerk", "/", "a/b", "in:x"}},
	}
}
