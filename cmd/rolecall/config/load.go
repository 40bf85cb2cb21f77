package config

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"syscall"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// Load reads, fills in and checks the configuration file; a relative path starts in dir, "" for the working directory. The
// error is an engine.Mistakes where the content is wrong.
func Load(dir, path string) (*File, error) {
	abs, err := absolute(dir, path)
	if err != nil {
		return nil, err
	}
	data, err := read(abs)
	if err != nil {
		return nil, unreadable(path, err)
	}
	return parse(path, abs, data)
}

// read takes no more of a file than is needed to see that it is too large. A pipe that nobody writes to is not waited for.
func read(path string) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, cmp.Or(err, error(&fs.PathError{Op: "read", Path: path, Err: errors.New("it is not a regular file")}))
	}
	return io.ReadAll(io.LimitReader(f, maxSize+1))
}

func unreadable(path string, err error) error {
	m := engine.Mistake{Place: engine.Place{File: path}, Text: "the configuration can't be read: " + errors.Unwrap(err).Error()}
	if errors.Is(err, fs.ErrNotExist) {
		m.Text, m.Hint = "there is no such file", "`rolecall init DIR` writes a commented configuration; --config FILE names another one"
	}
	return engine.Mistakes{m}
}

func absolute(dir, path string) (string, error) {
	if !filepath.IsAbs(path) {
		path = filepath.Join(dir, path)
	}
	return filepath.Abs(path)
}

// LoadProgram reads a file that holds the keys of one program, kind and revoke apart: what a plug-in is tried with before it
// has a place in a configuration. in is the folder of the file, absolute.
func LoadProgram(dir, path string) (p *Program, in string, err error) {
	abs, err := absolute(dir, path)
	if err != nil {
		return nil, "", err
	}
	data, err := read(abs)
	if err != nil {
		return nil, "", unreadable(path, err)
	}
	p = &Program{}
	d := newDecoder(path)
	if n := d.parse(data); n != nil {
		d.value(n, reflect.ValueOf(p).Elem())
	}
	return p, filepath.Dir(abs), d.mistakes.Err()
}

// parse takes what a file holds; path is its name for messages, abs where it is.
func parse(path, abs string, data []byte) (*File, error) {
	f, mistakes := decode(path, abs, data)
	if err := mistakes.Err(); err != nil {
		return nil, err
	}
	return f, nil
}

func decode(path, abs string, data []byte) (*File, engine.Mistakes) {
	f := Defaults()
	d := newDecoder(path)
	if n := d.parse(data); n != nil {
		d.value(n, reflect.ValueOf(f).Elem())
	}
	sum := sha256.Sum256(data)
	f.Text = string(data)
	f.Path, f.Source, f.Dir, f.Hash, f.places = path, abs, filepath.Dir(abs), hex.EncodeToString(sum[:]), d.places
	if len(d.mistakes) == 0 || !onlySyntax(d) {
		d.mistakes = append(d.mistakes, check(f)...)
	}
	return f, d.mistakes
}

// onlySyntax says that nothing was decoded, so that checks would only repeat that all is missing.
func onlySyntax(d *decoder) bool { return len(d.places) == 0 }

// Defaults are the values of keys that are left out.
func Defaults() *File {
	day := 24 * time.Hour
	return &File{
		Store: "sqlite:rolecall.db", Policies: "policies", Schedule: "*/15 * * * *", Zone: "UTC",
		Leavers: Leavers{Wait: 30 * day, Apart: 24 * time.Hour},
		Notices: Notices{Ahead: 30 * day, People: PeopleNotices{Ahead: 14 * day, Every: day, Due: 3 * day}},
		Limits: Limits{
			Revoke: RevokeLimits{
				People:   engine.Limit{Floor: 3, Percent: 10, Cap: 100, Window: day},
				Holdings: engine.Limit{Floor: 6, Percent: 10, Cap: 500, Window: day},
			},
			Leavers: engine.Limit{Floor: 3, Percent: 5, Cap: 300, Window: day},
			Grant:   engine.Limit{Floor: 20, Percent: 50, Cap: 2000, Window: day},
		},
		Approvals: Approvals{FourEyes: true},
		Alarms:    Alarms{Quiet: 2, Unread: 8, Unfinished: 4 * time.Hour},
	}
}

// In gives a path of the configuration as an absolute one.
func (f *File) In(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(f.Dir, path)
}

// Recorded reads the text of a configuration that the journal kept, perhaps of another version of this program: what can't be
// read is left at its default, and whole is false.
func Recorded(text string) (f *File, whole bool) {
	f = Defaults()
	d := newDecoder("recorded")
	if n := d.parse([]byte(text)); n != nil {
		d.value(n, reflect.ValueOf(f).Elem())
	}
	return f, len(d.mistakes) == 0
}
