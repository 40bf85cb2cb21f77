// Package demo lays out an example company on which every command works: a directory as an LDIF file, policies, and four
// programs kept in CSV files with accounts from before Rolecall.
package demo

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
)

// Person is somebody of the example company.
type Person struct {
	Number     int
	Given, Sur string
	Title      string
	Department string
	Country    string
	Mail       string // "": not there yet
	Status     string // active, leave, terminated
	Groups     []string
}

// Login is the person's uid.
func (p *Person) Login() string { return strings.ToLower(ascii(p.Given)) }

// Company is the whole example company.
type Company struct{ People []*Person }

var departments = []struct {
	name, group string
	titles      []string
	size        int
}{
	{"Engineering", "engineers", []string{"Software Engineer", "Site Reliability Engineer", "Test Engineer"}, 18},
	{"Sales", "sales", []string{"Account Manager", "Sales Representative"}, 14},
	{"Finance", "finance", []string{"Accountant", "Controller"}, 8},
	{"People", "people-team", []string{"Recruiter", "People Partner"}, 5},
	{"Support", "support", []string{"Support Agent", "Support Lead"}, 9},
	{"Operations", "operations", []string{"Office Manager", "IT Administrator"}, 6},
}

const names = `Ada Lindgren;Bilal Demir;Carmen Ortiz;David Cohen;Elif Yıldız;Farid Haddad;Greta Vogel;Hiro Tanaka;Ines Marques;Jakub Nowak;
Katrin Weiß;Liam O'Brien;Mei Chen;Nora Hansen;Omar Farouk;Paula Silva;Quentin Dubois;Rosa García;Stefan Braun;Tomás Novák;
Uma Patel;Viktor Ivanov;Wanda Krol;Xenia Popescu;Yusuf Kaya;Zoë Peeters;Anton Huber;Bruna Costa;Chloé Martin;Dmitri Petrov;
Emma Fischer;Felix Schulz;Giulia Rossi;Hannah Koch;Ivan Horváth;Jana Svoboda;Kofi Mensah;Lucía López;Marek Zielinski;Nadia Rahman;
Oskar Berg;Priya Kumar;Rafael Souza;Sofia Conti;Timo Virtanen;Ulla Korhonen;Vera Maes;Willem Jansen;Yara Nasser;Zeno Ricci;
Amir Hosseini;Birgit Lang;Cem Aydin;Dora Nagy;Eva Horn;Finn Larsen;Gala Ruiz;Henk Visser;Iris Keller;Jonas Wolf`

// New is the company as it is on the first morning; always the same.
func New() *Company {
	c := &Company{}
	all := strings.Split(strings.ReplaceAll(names, "\n", ""), ";")
	countries := []string{"DE", "FR", "DE", "ES", "DE"}
	for _, d := range departments {
		for i := range d.size {
			n := len(c.People)
			given, sur, _ := strings.Cut(all[n], " ")
			p := &Person{Number: 1001 + n, Given: given, Sur: sur, Title: d.titles[i%len(d.titles)], Department: d.name,
				Country: countries[n%len(countries)], Status: "active", Groups: []string{d.group}}
			p.Mail = p.Login() + "@example.com"
			c.People = append(c.People, p)
		}
	}
	c.Find("nora").Status = "leave"
	return c
}

// Find gives somebody by login; it panics when there is no such person, as the script is fixed.
func (c *Company) Find(login string) *Person {
	for _, p := range c.People {
		if p.Login() == login {
			return p
		}
	}
	panic("demo: nobody is called " + login)
}

// LDIF is the directory of the company. It ends with the number of its entries, so that a reader knows that it is whole.
func (c *Company) LDIF() string {
	var b strings.Builder
	b.WriteString("version: 1\n\n")
	entries := 0
	add := func(lines ...string) {
		for _, l := range lines {
			b.WriteString(l + "\n")
		}
		b.WriteString("\n")
		entries++
	}
	groups := map[string][]string{}
	for _, p := range c.People {
		add(p.entry()...)
		for _, g := range p.Groups {
			groups[g] = append(groups[g], p.dn())
		}
	}
	for _, d := range departments {
		lines := []string{"dn: cn=" + d.group + ",ou=roles,dc=example,dc=com", "objectClass: groupOfNames", "cn: " + d.group, "entryUUID: " + uuid(d.group)}
		for _, dn := range groups[d.group] {
			lines = append(lines, "member: "+dn)
		}
		add(lines...)
	}
	fmt.Fprintf(&b, "# entries: %d\n", entries)
	return b.String()
}

func (p *Person) dn() string { return "uid=" + p.Login() + ",ou=people,dc=example,dc=com" }

func (p *Person) entry() []string {
	lines := []string{
		"dn: " + p.dn(), "objectClass: inetOrgPerson", "entryUUID: " + uuid(fmt.Sprint(p.Number)), "uid: " + p.Login(),
		"cn: " + p.Given + " " + p.Sur, "sn: " + p.Sur, fmt.Sprintf("employeeNumber: %d", p.Number), "title: " + p.Title,
		"departmentNumber: " + p.Department, "c: " + p.Country, "employeeType: " + p.Status,
	}
	if p.Mail != "" {
		lines = append(lines, "mail: "+p.Mail)
	}
	return lines
}

func uuid(seed string) string {
	h := sha256.Sum256([]byte("rolecall demo " + seed))
	h[6], h[8] = h[6]&0x0f|0x40, h[8]&0x3f|0x80 // version 4, variant 1 (RFC 9562, 5.4)
	return fmt.Sprintf("%x-%x-%x-%x-%x", h[:4], h[4:6], h[6:8], h[8:10], h[10:16])
}

func ascii(s string) string {
	return strings.NewReplacer("é", "e", "í", "i", "á", "a", "ë", "e", "ı", "i", "ß", "ss").Replace(s)
}

// account is one line of a program's CSV file.
type account struct {
	name, active string
	rights       []string
	person, mail string
}

// Programs are the CSV files of the four programs, by name, as they were before Rolecall.
func (c *Company) Programs() map[string]string {
	return map[string]string{"wiki": c.wiki(), "gitea": c.gitea(), "crm": c.crm(), "erp": c.erp()}
}

func csv(accounts []account) string {
	slices.SortFunc(accounts, func(a, b account) int { return strings.Compare(a.name, b.name) })
	var b strings.Builder
	b.WriteString("account,active,entitlements,name,mail,kind\n")
	for _, a := range accounts {
		kind := "personal"
		if strings.HasPrefix(a.name, "bot-") || strings.HasPrefix(a.name, "svc-") {
			kind = "service"
		}
		fmt.Fprintf(&b, "%s,%s,%s,%s,%s,%s\n", a.name, a.active, strings.Join(a.rights, ";"), a.person, a.mail, kind)
	}
	return b.String()
}

func (p *Person) account(name string, rights ...string) account {
	return account{name: name, active: "yes", rights: rights, person: p.Given + " " + p.Sur, mail: p.Mail}
}

func (c *Company) in(departments ...string) (out []*Person) {
	for _, p := range c.People {
		if slices.Contains(departments, p.Department) {
			out = append(out, p)
		}
	}
	return out
}

func (c *Company) wiki() string {
	var all []account
	for _, p := range c.People {
		all = append(all, p.account(p.Login()))
	}
	all = append(all, account{name: "svc-backup", active: "yes", person: "Backup"}, account{name: "george", active: "yes", person: "George Former", mail: "george@example.com"})
	return csv(all)
}

func (c *Company) gitea() string {
	var all []account
	for _, p := range c.in("Engineering") {
		rights := []string{"eng"}
		if p.Title == "Site Reliability Engineer" {
			rights = append(rights, "ops")
		}
		all = append(all, p.account(p.Login(), rights...))
	}
	for i := range all { // collected over the years
		if i%6 == 5 {
			all[i].rights = append(all[i].rights, "admin")
		}
	}
	all = append(all, account{name: "bot-ci", active: "yes", rights: []string{"eng"}, person: "CI"})
	return csv(all)
}

func (c *Company) crm() string {
	var all []account
	for _, p := range c.in("Sales", "Support") {
		all = append(all, p.account(p.Mail, "contacts"))
	}
	return csv(all)
}

func (c *Company) erp() string {
	var all []account
	for _, p := range c.in("Finance") {
		rights := []string{"ledger"}
		if p.Title == "Accountant" {
			rights = append(rights, "create-payment")
		} else {
			rights = append(rights, "approve-payment")
		}
		all = append(all, p.account(p.Login(), rights...))
	}
	return csv(all)
}
