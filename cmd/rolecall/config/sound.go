package config

import (
	"cmp"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/rolecall/rolecall/engine"
)

// LoadSound is Load for an emergency: next to the mistakes it gives the file without those directories and programs in
// which there is any; without names these programs. The file is nil if it can't be read as YAML, or does not surely say
// where the journal is.
func LoadSound(dir, path string) (f *File, without []string, wrong error) {
	abs, err := absolute(dir, path)
	if err != nil {
		return nil, nil, err
	}
	data, err := read(abs)
	if err != nil {
		return nil, nil, unreadable(path, err)
	}
	f, mistakes := decode(path, abs, data)
	if len(mistakes) == 0 {
		return f, nil, nil
	}
	broken := f.broken(mistakes)
	if f.Version != Version || !f.knowsStore() || broken(&f.Store) || broken(&f.StorePassword) {
		return nil, nil, mistakes.Err()
	}
	var sound []Directory
	for i := range f.Directories {
		if !broken(&f.Directories[i]) {
			sound = append(sound, f.Directories[i])
		}
	}
	f.Directories = sound
	for _, name := range slices.Sorted(maps.Keys(f.Programs)) {
		if broken(f.Programs[name]) {
			without = append(without, name)
			delete(f.Programs, name)
		}
	}
	return f, without, mistakes.Err()
}

// LoadAnyway is Load for somebody who wants to know all that is wrong: next to the mistakes it gives what could be read. whole
// says that all directories could be read; without them attributes and roles can't be judged. The file is nil where nothing
// that hangs together with it can be, since it or its programs could not be read.
func LoadAnyway(dir, path string) (f *File, whole bool) {
	abs, err := absolute(dir, path)
	if err != nil {
		return nil, false
	}
	data, err := read(abs)
	if err != nil {
		return nil, false
	}
	f, mistakes := decode(path, abs, data)
	broken := f.broken(mistakes)
	if broken(&f.Programs) {
		return nil, false
	}
	maps.DeleteFunc(f.Programs, func(_ string, p *Program) bool { return p == nil })
	whole = len(f.Directories) > 0 && !broken(&f.Directories) && !slices.ContainsFunc(f.Directories, func(d Directory) bool { return d.Kind == "" })
	for i := range f.Directories {
		whole = whole && !broken(&f.Directories[i])
	}
	return f, whole
}

// knowsStore: a misspelt key would else make the default of it, which may be no journal at all.
func (f *File) knowsStore() bool {
	if _, named := f.places[&f.Store]; named {
		return true
	}
	_, err := os.Stat(f.In(strings.TrimPrefix(f.Store, "sqlite:")))
	return err == nil
}

// broken tells whether a mistake stands in a part of the file: between its beginning and that of the next one.
func (f *File) broken(wrong engine.Mistakes) func(part any) bool {
	starts := f.parts()
	owns := map[engine.Place]bool{}
	for _, m := range wrong {
		after, _ := slices.BinarySearchFunc(starts, m.Place, func(p, at engine.Place) int { return cmp.Or(order(p, at), -1) })
		if after > 0 {
			owns[starts[after-1]] = true
		}
	}
	return func(part any) bool { return owns[f.places[part]] }
}

// parts are the places of the keys of the file, of each directory and of each program, sorted.
func (f *File) parts() (out []engine.Place) {
	add := func(part any) {
		if p, ok := f.places[part]; ok {
			out = append(out, p)
		}
	}
	v := reflect.ValueOf(f).Elem()
	for _, key := range fields(v.Type()) {
		add(v.FieldByIndex(key.index).Addr().Interface())
	}
	for i := range f.Directories {
		add(&f.Directories[i])
	}
	for _, p := range f.Programs {
		add(p)
	}
	slices.SortFunc(out, order)
	return slices.Compact(out)
}

func order(a, b engine.Place) int {
	return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Col, b.Col))
}
