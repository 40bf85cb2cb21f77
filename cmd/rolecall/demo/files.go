package demo

import (
	"os"
	"path/filepath"
	"time"
)

// Config is the rolecall.yaml of the company.
const Config = `# The configuration of the example company. Every command works on it.
version: 1
store: sqlite:rolecall.db
policies: policies/
schedule: "*/15 * * * *"
zone: Europe/Berlin

directories:
  - name: corp
    kind: ldif                       # a real company would have ldap here
    authority: people
    path: people.ldif
    complete: {count: entries}       # the file's last line says how many entries it has
    people: {base: "ou=people,dc=example,dc=com", filter: "(objectClass=inetOrgPerson)"}
    key: entryUUID
    attributes: {login: uid, mail: mail, name: cn, title: title, department: departmentNumber, country: c, status: employeeType}
    state: {left: 'status == "terminated"', away: 'status == "leave"'}
    roles:
      - {group: {base: "ou=roles,dc=example,dc=com", name: cn, nested: true}}
      - {attribute: title}

programs:
  wiki:  {kind: file, path: wiki.csv, create: "{login}", revoke: managed, price: {amount: 4, currency: EUR, per: month}}
  gitea: {kind: file, path: gitea.csv, create: "{login}", revoke: managed, admin: admin}
  crm:   {kind: file, path: crm.csv, create: "{mail}", revoke: managed, seats: 30, price: {amount: 30, currency: EUR, per: month}}
  erp:   {kind: file, path: erp.csv, create: "{login}", revoke: managed, price: {amount: 55, currency: EUR, per: month}}

leavers: {unmanaged: suspend, wait: 30d, absences: 2, apart: 1h}

limits:
  revoke:
    people:   {floor: 3, percent: 10, cap: 100, window: 24h}
    holdings: {floor: 6, percent: 10, cap: 500, window: 24h}
  leavers:    {floor: 3, percent: 5, cap: 300, window: 24h}
  grant:      {floor: 20, percent: 50, cap: 2000, window: 24h}
`

// Policy is the company's policy on the first morning.
const Policy = `# Who should have what, and why.
version: 1
rules:
  - {name: everybody-reads, roles: {any: ["group:engineers", "group:sales", "group:finance", "group:people-team", "group:support", "group:operations"]}, grant: [wiki], reason: "the wiki is for everybody"}
  - {name: engineers-build, roles: {any: ["group:engineers"]}, grant: [gitea/eng], reason: "everybody who ships code"}
  - {name: sre-operate, roles: {any: ["title:Site Reliability Engineer"]}, grant: [gitea/ops], reason: "on call"}
  - {name: sales-sell, roles: {any: ["group:sales", "group:support"]}, grant: [crm/contacts], reason: "they talk to customers"}
  - {name: finance-books, roles: {any: ["group:finance"]}, grant: [erp/ledger], reason: "the books"}
  - {name: accountants-pay, roles: {any: ["title:Accountant"]}, grant: [erp/create-payment], reason: "they enter payments"}
  - {name: controllers-approve, roles: {any: ["title:Controller"]}, grant: [erp/approve-payment], reason: "they release payments"}
conflicts:
  - {name: pay-and-approve, never_both: [erp/create-payment, erp/approve-payment], keep: existing}
tests:
  - {name: an engineer, person: {roles: ["group:engineers"]}, has: [gitea/eng, wiki], lacks: [crm/contacts]}
  - {name: somebody from sales, person: {roles: ["group:sales"]}, has: [crm/contacts, wiki], lacks: [gitea/eng]}
`

// NarrowRule stands in Policy after somebody dropped the support team from the rule of the CRM.
const NarrowRule = `roles: {any: ["group:sales"]}, grant: [crm/contacts]`

// WideRule is what NarrowRule replaces in Policy.
const WideRule = `roles: {any: ["group:sales", "group:support"]}, grant: [crm/contacts]`

// WriteFile writes a file as if it were written at that time of the story, since a file's age counts.
func WriteFile(path, text string, now time.Time) error {
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		return err
	}
	return os.Chtimes(path, now, now)
}

// Write lays the company out in a folder.
func (c *Company) Write(dir string, now time.Time) error {
	files := map[string]string{"rolecall.yaml": Config, "policies/company.yaml": Policy, "people.ldif": c.LDIF()}
	for name, text := range c.Programs() {
		files[name+".csv"] = text
	}
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return err
		}
		if err := WriteFile(path, text, now); err != nil {
			return err
		}
	}
	return nil
}
