package main

import (
	"context"
	"database/sql"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/rolecall/rolecall/cmd/rolecall/demo"
)

var (
	fine    = []int{exitDone}
	waiting = []int{exitApproval}
	partly  = []int{exitPartly}
	wrong   = []int{exitFailed}
)

// week is the story, day by day.
func (p *player) week(ctx context.Context) {
	p.say("A company of 60 people lies in %s:\npeople.ldif is its directory, policies/company.yaml says who should have what, and wiki, gitea, crm and erp\nare four programs whose accounts were made by hand over the years.", p.dir)
	p.monday(ctx)
	p.tuesday(ctx)
	p.wednesday(ctx)
	p.thursday(ctx)
	p.friday(ctx)
	p.audit(ctx)
	p.ending()
}

func (p *player) monday(ctx context.Context) {
	p.at(0, "the first dry run")
	p.say("Nothing is linked yet, so that nothing can be granted or taken: the accounts that exist must first be matched with people.")
	p.run(ctx, 12, fine, "plan")
	p.at(10*time.Minute, "the existing accounts are adopted")
	p.run(ctx, 9, fine, "adopt", "gitea")
	for _, program := range []string{"wiki", "gitea", "crm", "erp"} {
		p.run(ctx, 9, fine, "adopt", program, "--possible", "--reason", "logins are never given twice here")
	}
	p.say("What people have and should have becomes managed, without a call to any program; what nobody can explain is listed, and left alone.")
	p.run(ctx, 14, fine, "apply")
	p.say("The second run finds nothing to do.")
	p.now = p.now.Add(time.Hour)
	p.run(ctx, 8, fine, "plan")
}

func (p *player) tuesday(ctx context.Context) {
	p.at(23*time.Hour, "a joiner whose mail address is still missing")
	p.company.People = append(p.company.People, &demo.Person{Number: 1061, Given: "Lotte", Sur: "Meyer", Title: "Account Manager", Department: "Sales", Country: "DE",
		Status: "active", Groups: []string{"sales"}})
	p.directory()
	p.run(ctx, 16, fine, "apply")
}

func (p *player) wednesday(ctx context.Context) {
	p.at(24*time.Hour, "the address has come; and Greta moves from Engineering to Finance")
	p.company.Find("lotte").Mail = "lotte@example.com"
	greta := p.company.Find("greta")
	greta.Title, greta.Department, greta.Groups = "Controller", "Finance", []string{"finance"}
	p.directory()
	p.run(ctx, 24, fine, "apply")
	p.at(2*time.Hour, "Hiro has left")
	p.company.Find("hiro").Status = "terminated"
	p.directory()
	p.run(ctx, 16, fine, "apply")
	p.at(time.Hour, "Viktor's laptop was stolen: cut off at once, without waiting for any read")
	p.run(ctx, 14, fine, "cut", "viktor", "--reason", "laptop stolen")
	p.at(2*time.Hour, "the laptop is found")
	p.run(ctx, 6, fine, "cut", "viktor", "--lift", "--reason", "laptop found, untouched")
	p.run(ctx, 12, fine, "apply")
}

func (p *player) thursday(ctx context.Context) {
	p.at(19*time.Hour, "somebody gave Ada admin rights in gitea by hand")
	p.edit("gitea.csv", func(text string) string {
		return regexp.MustCompile(`(?m)^ada,yes,eng`).ReplaceAllString(text, "ada,yes,eng;admin")
	})
	p.say("It is found and listed, not touched: Rolecall takes away only what it gave or adopted.")
	p.run(ctx, 16, fine, "plan", "--program", "gitea")
	p.at(time.Hour, "the directory comes back half empty")
	whole := p.company.LDIF()
	p.edit("people.ldif", func(text string) string {
		half := *p.company
		half.People = half.People[:len(half.People)/2]
		return half.LDIF()
	})
	p.say("The file is well formed and says it is complete. Rolecall holds still, names the reason, and raises the alarm.")
	p.run(ctx, 16, partly, "apply")
	p.edit("people.ldif", func(string) string { return whole })
	p.at(15*time.Minute, "the directory is whole again")
	p.run(ctx, 8, fine, "apply")
}

func (p *player) friday(ctx context.Context) {
	p.at(20*time.Hour, "an extra for a trade fair, for one day")
	p.run(ctx, 4, fine, "give", "carmen", "crm/contacts", "--until", p.now.Format(time.DateOnly), "--reason", "trade fair")
	p.run(ctx, 14, fine, "apply")
	p.at(26*time.Hour, "the extra is over")
	p.say("Nobody ran Rolecall for a day, so the clock might be wrong: what only the clock ends waits for one more run.")
	p.run(ctx, 12, fine, "apply")
	p.at(15*time.Minute, "the next run")
	p.run(ctx, 12, fine, "apply")
	p.at(time.Hour, "somebody drops the support team from the CRM's rule")
	p.edit("policies/company.yaml", func(text string) string { return strings.Replace(text, demo.WideRule, demo.NarrowRule, 1) })
	p.say("That would take the CRM from the whole team: more than the floor, so that all of it waits for approval.")
	p.run(ctx, 18, waiting, "apply")
	p.run(ctx, 6, fine, "approvals", "list")
	p.run(ctx, 6, fine, "approvals", "reject", "all", "--reason", "a mistake, support needs the CRM")
	p.edit("policies/company.yaml", func(text string) string { return strings.Replace(text, demo.NarrowRule, demo.WideRule, 1) })
	p.at(time.Hour, "the rule is put right")
	p.run(ctx, 8, fine, "apply")
}

func (p *player) audit(ctx context.Context) {
	p.at(time.Hour, "somebody asks")
	p.run(ctx, 24, fine, "why", "greta")
	p.run(ctx, 14, fine, "audit", "list", "--person", "greta")
	p.run(ctx, 8, fine, "audit", "verify")
	p.say("Now somebody with access to the database edits one record.")
	p.tamper(ctx)
	p.run(ctx, 8, wrong, "audit", "verify")
	p.say("The edit is taken back, and the log is whole again.")
	p.restore(ctx)
	p.run(ctx, 8, fine, "audit", "verify")
}

// tamper does what the audit log must find.
func (p *player) tamper(ctx context.Context) {
	p.sql(ctx, `UPDATE journal SET personal = replace(personal, 'laptop stolen', 'laptop st0len') WHERE kind = 'cut'`)
}

func (p *player) restore(ctx context.Context) {
	p.sql(ctx, `UPDATE journal SET personal = replace(personal, 'laptop st0len', 'laptop stolen') WHERE kind = 'cut'`)
}

func (p *player) sql(ctx context.Context, statement string) {
	if p.err != nil {
		return
	}
	db, err := sql.Open("sqlite", filepath.Join(p.dir, "rolecall.db"))
	if err != nil {
		p.err = err
		return
	}
	defer db.Close()
	_, p.err = db.ExecContext(ctx, statement)
}

func (p *player) ending() {
	if p.err != nil {
		return
	}
	p.say("That was the week. Everything lies in %s; try there (with go run ./cmd/rolecall while rolecall is not installed):", p.dir)
	for _, line := range []string{"check", "plan", "why ada", "adopt gitea", "audit list", "audit asof " + p.now.AddDate(0, 0, -3).Format(time.DateOnly), "approvals list"} {
		p.out.Raw("  rolecall --config " + filepath.Join(p.dir, "rolecall.yaml") + " " + line)
	}
}
