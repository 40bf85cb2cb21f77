package main

import (
	"encoding/json"
	"os"
	"syscall"
)

type data struct {
	Token  string            `json:"token"`
	Key    string            `json:"key"`
	Next   int               `json:"next"`
	Users  map[string]*user  `json:"users"`  // by id
	Groups map[string]*group `json:"groups"` // by id
}

type user struct {
	Login    string `json:"login"`
	Mail     string `json:"mail"`
	Employee string `json:"employee"`
	Disabled bool   `json:"disabled"`
}

type group struct {
	Name    string   `json:"name"`
	Members []string `json:"members"` // ids of users
	Groups  []string `json:"groups"`  // ids of groups whose members are members
	Fixed   []string `json:"fixed"`   // ids of members who can't be taken out
}

// file is the program.
type file struct{ path string }

// with lets nobody else in meanwhile, and writes what was changed.
func (f file) with(do func(d *data) (changed bool, err error)) error {
	lock, err := os.OpenFile(f.path+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return err
	}
	text, err := os.ReadFile(f.path)
	if err != nil {
		return err
	}
	var d data
	if err := json.Unmarshal(text, &d); err != nil {
		return err
	}
	changed, err := do(&d)
	if err != nil || !changed {
		return err
	}
	if text, err = json.Marshal(d); err != nil {
		return err
	}
	return os.WriteFile(f.path, text, 0o600)
}

func (f file) read() (d *data, err error) {
	err = f.with(func(now *data) (bool, error) { d = now; return false, nil })
	return d, err
}
