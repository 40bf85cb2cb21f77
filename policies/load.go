package policies

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"

	"github.com/rolecall/rolecall/engine"
)

// Load reads all *.yaml files of a folder, in order of their names. The error is an engine.Mistakes with everything that is wrong
// in any of them, or says that the folder can't be read; there is never half a policy.
//
// A file cut off within a line is always refused, as is one cut off before its first item or within an item's required
// keys. A cut exactly between two lines can't be told from a shorter file unless the file says "end: required" and ends
// with a line "...": then every cut is refused.
func Load(folder fs.FS, schema Schema) (*Policy, error) {
	names, mistakes, err := policyFiles(folder)
	if err != nil {
		return nil, err
	}
	speech, err := newLanguage(&schema)
	if err != nil {
		return nil, err
	}
	speech.parseOnly = schema.halfKnown
	var defs definitions
	for _, name := range names {
		src, err := readBounded(folder, name)
		if err != nil {
			return nil, fmt.Errorf("policy file %s can't be read: %w", name, err)
		}
		r := &reader{schema: &schema, language: speech, file: name, lines: strings.Split(string(src), "\n"), mistakes: &mistakes}
		root, line, col, wrong := parseTree(src)
		if wrong != nil {
			r.wrongAt(line, col, wrong.text, wrong.hint)
			continue
		}
		r.policyFile(root, &defs)
	}
	mistakes = append(mistakes, defs.duplicates()...)
	if err := mistakes.Err(); err != nil {
		return nil, err
	}
	return compile(defs, schema.zone()), nil
}

// Judge is what Load complains about, except for what hangs on attributes and roles: the directories' part of the schema
// is not known, since there are mistakes in it.
func Judge(folder fs.FS, schema Schema) error {
	schema.Attributes, schema.Sources, schema.halfKnown = nil, nil, true
	_, err := Load(folder, schema)
	return err
}

// policyFiles lists what is to be read, and as mistakes what looks like policy and would not be read.
func policyFiles(folder fs.FS) (names []string, mistakes engine.Mistakes, err error) {
	entries, err := fs.ReadDir(folder, ".")
	if err != nil {
		return nil, nil, fmt.Errorf("the policy folder can't be read: %w", err)
	}
	for _, e := range entries { // sorted by name
		name := e.Name()
		switch ext := path.Ext(name); {
		case strings.HasPrefix(name, "."): // editors' lock files, the links of mounted volumes
		case e.IsDir():
			if below, _ := fs.Glob(folder, name+"/*.yaml"); len(below) > 0 {
				mistakes = append(mistakes, engine.Mistake{Place: engine.Place{File: below[0]}, Text: "files of subfolders are not read", Hint: "move it up"})
			}
		case ext == ".yaml":
			names = append(names, name)
		case strings.EqualFold(ext, ".yml") || strings.EqualFold(ext, ".yaml"):
			mistakes = append(mistakes, engine.Mistake{Place: engine.Place{File: name}, Text: "only *.yaml files are read", Hint: "rename it"})
		}
	}
	if len(names) == 0 && len(mistakes) == 0 {
		return nil, nil, fmt.Errorf("the policy folder has no *.yaml file; an empty policy would take everything from everybody")
	}
	return names, mistakes, nil
}

func readBounded(folder fs.FS, name string) ([]byte, error) {
	// Asked before it is opened: opening a pipe that nobody writes to would wait for ever.
	if info, err := fs.Stat(folder, name); err != nil || !info.Mode().IsRegular() {
		return nil, cmp.Or(err, errors.New("it is not a regular file"))
	}
	f, err := folder.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // opened for reading: nothing can be lost
	return io.ReadAll(io.LimitReader(f, maxFile+1))
}

// duplicates finds names that are given twice, over all files.
func (d *definitions) duplicates() (mistakes engine.Mistakes) {
	seen := map[string]string{}
	once := func(key, place, text string) {
		if first, twice := seen[key]; twice {
			file, line := splitPlace(place)
			mistakes = append(mistakes, engine.Mistake{Place: engine.Place{File: file, Line: line, Col: 1}, Text: text, Hint: "the first is at " + first})
			return
		}
		seen[key] = place
	}
	for _, r := range d.rules {
		if r.name != "" {
			once("rule "+r.name, r.place, "rule "+quote(r.name)+" is already defined")
		}
	}
	for _, c := range d.conflicts {
		if c.name != "" {
			once("conflict "+c.name, c.place, "conflict "+quote(c.name)+" is already defined")
		}
	}
	for _, e := range d.extras {
		if e.person == "" || e.until == 0 {
			continue // has a mistake of its own
		}
		once("extra "+e.name(), e.place, "the same extra is already there")
	}
	for _, t := range d.tests {
		if t.name != "" {
			once("test "+t.name, t.place, "test "+quote(t.name)+" is already defined")
		}
	}
	return mistakes
}

func splitPlace(place string) (file string, line int) {
	i := strings.LastIndexByte(place, ':')
	_, _ = fmt.Sscanf(place[i+1:], "%d", &line)
	return place[:i], line
}
