package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/rolecall/rolecall/cmd/rolecall/config"
	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/directory"
	"github.com/rolecall/rolecall/policies"
)

// directory opens the source of people: one directory, or several joined. Its errors are engine.Mistakes where an
// expression is wrong.
func (a *app) directory(cfg *config.File, s policies.Schema) (engine.Directory, error) {
	var authority directory.Part
	var partners []directory.Part
	var wrong engine.Mistakes
	for i := range cfg.Directories {
		d := &cfg.Directories[i]
		part, err := a.part(cfg, d, s)
		var more engine.Mistakes
		switch {
		case errors.As(err, &more):
			wrong = append(wrong, more...)
		case err != nil:
			wrong = append(wrong, engine.Mistake{Place: cfg.PlaceOf(d), Text: err.Error()})
		case d.Authority == "people":
			authority = part
		default:
			partners = append(partners, part)
		}
	}
	if len(wrong) > 0 || authority.Config == nil {
		return nil, wrong
	}
	if len(partners) == 0 {
		return authority.Directory, nil
	}
	joined, err := directory.Join(authority, partners...)
	if err != nil {
		return nil, engine.Mistakes{{Place: cfg.PlaceOf(&cfg.Directories), Text: err.Error()}}
	}
	return joined, nil
}

func (a *app) part(cfg *config.File, d *config.Directory, s policies.Schema) (directory.Part, error) {
	common, err := a.common(cfg, d, s)
	if err != nil {
		return directory.Part{}, err
	}
	opened, err := a.source(cfg, d, common)
	part := directory.Part{Config: &common, Directory: opened}
	if d.Join != nil {
		part.On, part.Theirs = attributeOrKey(d.Join.With), attributeOrKey(d.Join.Attribute)
	}
	return part, err
}

// attributeOrKey gives the name that a join takes: "" for the key.
func attributeOrKey(name string) string {
	if name == "key" {
		return ""
	}
	return name
}

func (a *app) source(cfg *config.File, d *config.Directory, common directory.Config) (engine.Directory, error) {
	switch d.Kind {
	case "csv":
		comma, _ := utf8.DecodeRuneInString(d.File.Delimiter)
		if d.File.Delimiter == "" {
			comma = ','
		}
		return directory.CSV(directory.CSVConfig{Config: common, File: file(cfg, d.File), Comma: comma, Encoding: d.File.Encoding})
	case "ldif":
		return directory.LDIF(directory.LDIFConfig{Config: common, File: file(cfg, d.File), People: d.File.People})
	}
	client, err := a.ldap(cfg, d)
	if err != nil {
		return nil, err
	}
	return directory.LDAP(client, directory.LDAPConfig{Config: common, Profile: d.LDAP.Profile, People: d.LDAP.People, PageSize: d.LDAP.PageSize})
}

func file(cfg *config.File, f *config.FileSource) directory.File {
	out := directory.File{Path: cfg.In(f.Path), Count: f.Complete.Count, End: f.Complete.End, Whole: f.Complete.Whole, MaxAge: f.MaxAge}
	if f.Complete.Done != "" {
		out.Done = cfg.In(f.Complete.Done)
	}
	return out
}

// common translates what all kinds of directory share.
func (a *app) common(cfg *config.File, d *config.Directory, s policies.Schema) (directory.Config, error) {
	e := &expressions{cfg: cfg, schema: s}
	c := directory.Config{
		Name: d.Name, Key: d.Key, ExactKey: d.ExactKey, Now: a.Now, Progress: a.progress.reading(d.Name),
		Dates: d.Dates,
		Zone:  directory.Zone{Attribute: d.Zone.Attribute, Sites: d.Zone.Sites, Company: zone(cfg)},
		States: e.states(map[engine.State]*string{
			engine.StateLeft: &d.State.Left, engine.StateAway: &d.State.Away, engine.StateUpcoming: &d.State.Upcoming, engine.StateActive: &d.State.Active,
		}),
	}
	c.Texts = map[engine.State]string{engine.StateLeft: d.State.Left, engine.StateAway: d.State.Away, engine.StateUpcoming: d.State.Upcoming, engine.StateActive: d.State.Active}
	for _, name := range slices.Sorted(maps.Keys(d.Attributes)) {
		at := d.Attributes[name]
		c.Attributes = append(c.Attributes, directory.Attribute{Name: name, Source: at.From, Multi: at.Multi, Job: at.OfJob(name), Fold: at.Fold, Split: at.Split})
	}
	for i := range d.Roles {
		c.Roles = append(c.Roles, e.role(&d.Roles[i]))
	}
	for _, canary := range d.Canaries {
		c.Canaries = append(c.Canaries, directory.Canary(canary))
	}
	if len(e.wrong) > 0 {
		return c, e.wrong
	}
	return c, nil
}

// expressions compiles the conditions of the configuration, collecting what is wrong.
type expressions struct {
	cfg    *config.File
	schema policies.Schema
	wrong  engine.Mistakes
}

func (e *expressions) states(texts map[engine.State]*string) map[engine.State]engine.Condition {
	out := map[engine.State]engine.Condition{}
	for _, state := range slices.Sorted(maps.Keys(texts)) {
		if c := e.compile(texts[state]); c != nil {
			out[state] = c
		}
	}
	return out
}

func (e *expressions) compile(text *string) engine.Condition {
	if *text == "" {
		return nil
	}
	c, err := policies.CompileCondition(*text, e.schema)
	if err == nil {
		return c
	}
	var wrong engine.Mistakes
	if !errors.As(err, &wrong) {
		wrong = engine.Mistakes{{Text: err.Error()}}
	}
	for _, w := range wrong {
		what := fmt.Sprintf("expression %q: %s", *text, w.Text)
		e.wrong = append(e.wrong, engine.Mistake{Place: e.cfg.PlaceOf(text), Text: what, Hint: w.Hint})
	}
	return nil
}

func (e *expressions) role(r *config.Role) directory.RoleSource {
	return directory.RoleSource{As: r.As, Group: r.Group, Attribute: r.Attribute, Name: r.Name, When: e.compile(&r.When)}
}

// zone is the company's; the configuration was checked.
func zone(cfg *config.File) *time.Location {
	z, err := time.LoadLocation(cfg.Zone)
	if err != nil {
		return time.UTC
	}
	return z
}
