package plugin

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// paths are the executable and its arguments as paths; the latter may be no files.
func (h *host) paths() (out []string) {
	for _, name := range h.command {
		if !filepath.IsAbs(name) {
			name = filepath.Join(h.dir, name)
		}
		out = append(out, name)
	}
	return out
}

// look is another text as soon as the executable, or a file among its arguments, was replaced or written.
func (h *host) look() (seen string) {
	for _, path := range h.paths() {
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			seen += fmt.Sprintln(path, inode(info), info.ModTime().UnixNano(), info.Size())
		}
	}
	return seen
}

// trust refuses what others could have changed: who may write the plug-in has the program's secrets.
func (h *host) trust() error {
	for i, path := range h.paths() {
		info, err := os.Stat(path)
		if i > 0 && (err != nil || !info.Mode().IsRegular()) {
			continue // an argument that is no file
		}
		switch {
		case err != nil:
			return fmt.Errorf("the plug-in of %s can't be looked at: %w", h.program, err)
		case !info.Mode().IsRegular():
			return fmt.Errorf("the plug-in of %s, %s, is no file", h.program, path)
		case i == 0 && info.Mode()&0o111 == 0:
			return fmt.Errorf("the plug-in of %s, %s, is not executable; chmod +x it", h.program, path)
		case i == 0 && info.Mode()&(os.ModeSetuid|os.ModeSetgid) != 0:
			return fmt.Errorf("the plug-in of %s, %s, would run as somebody else; chmod ug-s it", h.program, path)
		}
		real, err := filepath.EvalSymlinks(path)
		for _, path := range []string{path, real} {
			if err == nil {
				err = guarded(path, 0)
			}
		}
		if err != nil {
			return fmt.Errorf("the plug-in of %s: %w", h.program, err)
		}
	}
	return nil
}

const maxLinks = 40 // as in the kernel

// guarded looks at a file and at all folders above it, of its path as it is written and of what links lead to, as sshd does:
// they belong to root or to us, and nobody else can write them. In a sticky folder, such as /tmp, only the owner can move a thing.
func guarded(path string, links int) error {
	if links > maxLinks {
		return fmt.Errorf("%s is behind too many links", path)
	}
	for at, child := filepath.Clean(path), ""; ; at, child = filepath.Dir(at), at {
		info, err := os.Lstat(at)
		if err != nil {
			return err
		}
		if uid := owner(info); uid != 0 && uid != os.Geteuid() {
			return fmt.Errorf("%s can be changed by its owner, who is neither root nor the user that Rolecall runs as; chown it", at)
		}
		if info.Mode()&os.ModeSymlink != 0 {
			to, err := os.Readlink(at)
			if err != nil {
				return err
			}
			if !filepath.IsAbs(to) {
				from, err := filepath.EvalSymlinks(filepath.Dir(at))
				if err != nil {
					return err
				}
				to = filepath.Join(from, to)
			}
			if err := guarded(to, links+1); err != nil {
				return err
			}
		} else if err := closed(at, info, path, child); err != nil {
			return err
		}
		if at == filepath.Dir(at) {
			return nil
		}
	}
}

// closed says whether others may write something of a path; child is what is looked at in it, "" for the file.
func closed(at string, info os.FileInfo, path, child string) error {
	who, how := "everybody", "o-w"
	switch {
	case info.IsDir() && child != "" && info.Mode()&os.ModeSticky != 0:
		return nil // the child has one of the right owners
	case info.Mode()&0o002 != 0:
	case info.Mode()&0o020 != 0 && group(info) != 0:
		who, how = "its group", "g-w"
	default:
		return nil
	}
	if child == "" {
		return fmt.Errorf("%s can be changed by %s; chmod %s it", at, who, how)
	}
	all := map[string]string{"everybody": "all", "its group": "its group"}[who]
	if at != filepath.Dir(path) {
		return fmt.Errorf("%s can put another file in the place of %s, since %s can be changed by %s; chmod %s that folder", who, path, at, all, how)
	}
	return fmt.Errorf("%s can put another file in the place of %s, since its folder can be changed by %s; chmod %s the folder", who, path, all, how)
}

func inode(info os.FileInfo) uint64 {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return s.Ino
	}
	return 0
}

func owner(info os.FileInfo) int {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return int(s.Uid)
	}
	return -1
}

func group(info os.FileInfo) int {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return int(s.Gid)
	}
	return -1
}
