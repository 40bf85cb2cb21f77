package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// terminal is somebody who types commands in a folder.
type terminal struct {
	t   *testing.T
	dir string
	env map[string]string
	now time.Time
	out string // what the last command wrote, both streams
}

func newTerminal(t *testing.T) *terminal {
	return &terminal{t: t, dir: t.TempDir(), env: map[string]string{}, now: time.Date(2027, 1, 4, 9, 0, 0, 0, time.UTC)}
}

// types runs a command and demands an exit code.
func (u *terminal) types(want int, args ...string) string {
	u.t.Helper()
	var out bytes.Buffer
	p := u.process(&out, args)
	got := run(u.t.Context(), p)
	u.now = p.Now().Add(time.Minute)
	u.out = out.String()
	if got != want {
		u.t.Fatalf("rolecall %s: exit code %d instead of %d\n%s", strings.Join(args, " "), got, want, u.tail())
	}
	return u.out
}

// process is what a command gets; its clock goes on from where the terminal's stands.
func (u *terminal) process(out io.Writer, args []string) process {
	var mu sync.Mutex // reads run side by side
	clock := u.now
	now := func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		clock = clock.Add(time.Millisecond)
		return clock
	}
	return process{Args: args, Dir: u.dir, Stdin: strings.NewReader(""), Stdout: out, Stderr: out, Env: func(name string) string { return u.env[name] },
		Now: now, Random: rand1(), Actor: "tester"}
}

func (u *terminal) tail() string { return u.out[max(0, len(u.out)-3000):] }

// sees demands lines in what the last command wrote.
func (u *terminal) sees(patterns ...string) {
	u.t.Helper()
	for _, p := range patterns {
		if !regexp.MustCompile("(?m)" + p).MatchString(u.out) {
			u.t.Fatalf("no line matches %q:\n%s", p, u.tail())
		}
	}
}

func (u *terminal) seesNo(pattern string) {
	u.t.Helper()
	if found := regexp.MustCompile("(?m)^.*" + pattern + ".*$").FindString(u.out); found != "" {
		u.t.Fatalf("%q matches %q:\n%s", found, pattern, u.tail())
	}
}

func (u *terminal) read(name string) string {
	u.t.Helper()
	data, err := os.ReadFile(filepath.Join(u.dir, name))
	if err != nil {
		u.t.Fatal(err)
	}
	return string(data)
}

func (u *terminal) write(name, text string) {
	u.t.Helper()
	if err := os.WriteFile(filepath.Join(u.dir, name), []byte(text), 0o600); err != nil {
		u.t.Fatal(err)
	}
}

// edit replaces text that must be there.
func (u *terminal) edit(name, old, fresh string) {
	u.t.Helper()
	text := u.read(name)
	if !strings.Contains(text, old) {
		u.t.Fatalf("%s does not contain %q:\n%s", name, old, text)
	}
	u.write(name, strings.Replace(text, old, fresh, 1))
}

// line stands between client and server and can be cut in the middle of an answer.
type line struct {
	address string
	left    atomic.Int64 // bytes of answers that still pass; negative: any
}

func newLine(t *testing.T, server string) *line {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	out := &line{address: l.Addr().String()}
	out.left.Store(-1)
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			go out.carry(client, server)
		}
	}()
	return out
}

func (l *line) carry(client net.Conn, server string) {
	defer client.Close()
	if l.left.Load() == 0 {
		return
	}
	other, err := (&net.Dialer{}).DialContext(context.Background(), "tcp4", server)
	if err != nil {
		return
	}
	defer other.Close()
	go func() { _, _ = io.Copy(other, client); _ = other.Close() }()
	buffer := make([]byte, 1024)
	for {
		n, err := other.Read(buffer)
		if left := l.left.Load(); left >= 0 {
			n = min(n, int(left))
			l.left.Add(int64(-n))
		}
		if _, writing := client.Write(buffer[:n]); writing != nil || err != nil || l.left.Load() == 0 {
			return
		}
	}
}

// staffed is the size of the company below.
const staffed = 300

// first names, with what names are made of outside of ASCII.
var firstNames = []string{"Ann", "Björn", "Çağla", "Đorđe", "Éloïse", "Łucja", "Ørjan", "Сергей", "明子", "Ümit"}

// companyLDIF is a company of 300 people: 20 teams in 4 departments in one staff group, 5 who left, and groups of programs.
func companyLDIF() string {
	var b strings.Builder
	entry := func(dn string, lines ...string) { fmt.Fprintf(&b, "dn: %s\n%s\n\n", dn, strings.Join(lines, "\n")) }
	group := func(name, below string, members ...string) {
		lines := []string{"objectClass: groupOfNames", "cn: " + name}
		for _, m := range members {
			lines = append(lines, "member: "+m)
		}
		entry("cn="+name+",ou="+below+","+realSuffix, lines...)
	}
	entry(realSuffix, "objectClass: dcObject", "objectClass: organization", "dc: example", "o: example")
	for _, ou := range []string{"people", "groups", "apps"} {
		entry("ou="+ou+","+realSuffix, "objectClass: organizationalUnit", "ou: "+ou)
	}
	teams := map[int][]string{}
	for i := range staffed {
		first, uid := firstNames[i%len(firstNames)], fmt.Sprintf("u%03d", i)
		status := "staff"
		if i%60 == 7 {
			status = "terminated"
		}
		entry(personDN(i), "objectClass: inetOrgPerson", "uid: "+uid, fmt.Sprintf("cn: %s Nº%d", first, i), "sn: Person", "mail: "+uid+"@example.com",
			fmt.Sprintf("title: %s", []string{"Engineer", "Manager", "Clerk"}[i%3]), fmt.Sprintf("departmentNumber: D%d", i%4), "employeeType: "+status)
		teams[i%20] = append(teams[i%20], personDN(i))
	}
	departments := []string{"engineering", "sales", "finance", "Büro Süd"}
	var tops []string
	for d, name := range departments {
		var inner []string
		for team := d; team < 20; team += 4 {
			group(fmt.Sprintf("team %d", team), "groups", teams[team]...)
			inner = append(inner, fmt.Sprintf("cn=team %d,ou=groups,%s", team, realSuffix))
		}
		group(name, "groups", inner...)
		tops = append(tops, "cn="+name+",ou=groups,"+realSuffix)
	}
	group("staff", "groups", tops...)
	group("readers", "apps", "cn=reader,"+realSuffix)
	group("vpn", "apps", "cn=reader,"+realSuffix) // such a group is never empty
	return b.String()
}

const realSuffix = "dc=example,dc=com"

func personDN(i int) string { return fmt.Sprintf("uid=u%03d,ou=people,%s", i, realSuffix) }
