package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/rolecall/rolecall/cmd/rolecall/config"
)

// watch notices when the files of a configuration change: edited, replaced, or behind a link that points elsewhere. It
// looks at what can be read and needs no notification that a network file system might not send.
type watch struct {
	files   []string // the configuration, then the policy folder
	inForce string   // hash of the content that was taken over or refused
	last    string   // what stat showed at the last look
	pending bool     // stat changed; the content is compared once stat stands still
}

func newWatch(cfg *config.File) *watch {
	w := &watch{files: watched(cfg)}
	w.last, w.inForce = w.stat(), w.content()
	return w
}

func watched(cfg *config.File) []string { return []string{cfg.Source, cfg.In(cfg.Policies)} }

// around loads the files. What counts as known is the content from before: whatever is edited while they are loaded is
// seen at the next looks. load gives the configuration that is in force then.
func (w *watch) around(load func() *config.File) {
	last, known := w.stat(), w.content()
	files := watched(load())
	if !slices.Equal(files, w.files) {
		last, known = "", "" // another policy folder: look once more
	}
	w.files, w.last, w.pending, w.inForce = files, last, false, known
}

// changed says that the content is another than the known one, and has stood still for one look: files that are being
// copied are not read half-way.
func (w *watch) changed() bool {
	now := w.stat()
	if now != w.last {
		w.last, w.pending = now, true
		return false
	}
	if !w.pending {
		return false
	}
	w.pending = false
	return w.content() != w.inForce
}

// all lists the configuration and the policy files, sorted.
func (w *watch) all() []string {
	policies, err := filepath.Glob(filepath.Join(w.files[1], "*.yaml"))
	if err != nil {
		return w.files
	}
	return append([]string{w.files[0]}, policies...)
}

func (w *watch) stat() string {
	h := sha256.New()
	for _, f := range w.all() {
		info, err := os.Stat(f) // follows links
		if err != nil {
			fmt.Fprintln(h, f, "can't be seen")
			continue
		}
		real, _ := filepath.EvalSymlinks(f)
		fmt.Fprintln(h, f, real, info.Size(), info.ModTime().UnixNano())
	}
	return hex.EncodeToString(h.Sum(nil))
}

func (w *watch) content() string {
	h := sha256.New()
	for _, name := range w.all() {
		fmt.Fprintln(h, name)
		f, err := os.Open(name)
		if err != nil {
			fmt.Fprintln(h, "can't be read") // which is not the same as empty
			continue
		}
		_, _ = io.Copy(h, f) // what can't be read is another content
		f.Close()
	}
	return hex.EncodeToString(h.Sum(nil))
}
