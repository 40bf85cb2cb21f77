package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/rolecall/rolecall/engine"
)

// maxSecret is the size of the largest secret, in bytes: a key file, not a disk.
const maxSecret = 1 << 20

// secrets reads what references name. Relative files start in dir; its errors name the reference, never the value.
func (a *app) secrets(dir string) engine.Resolve {
	return func(s engine.Secret) (string, error) {
		if err := s.Check(); err != nil {
			return "", err
		}
		value, err := a.secret(dir, s)
		if err != nil {
			return "", fmt.Errorf("%s can't be read: %w", s, err)
		}
		if value == "" {
			return "", fmt.Errorf("%s is empty", s)
		}
		return value, nil
	}
}

func (a *app) secret(dir string, s engine.Secret) (string, error) {
	switch {
	case s.Env != "":
		return a.Env(s.Env), nil
	case s.Credential != "":
		folder := a.Env("CREDENTIALS_DIRECTORY")
		if folder == "" {
			return "", errors.New("there is no credentials directory; use LoadCredential= in the unit")
		}
		if !filepath.IsLocal(s.Credential) {
			return "", errors.New("the name leaves the credentials directory")
		}
		return secretFile(filepath.Join(folder, s.Credential))
	case filepath.IsAbs(s.File):
		return secretFile(s.File)
	}
	return secretFile(filepath.Join(dir, s.File))
}

func secretFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", errors.Unwrap(err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxSecret+1))
	if err != nil {
		return "", errors.Unwrap(err)
	}
	if len(data) > maxSecret {
		return "", errors.New("it is larger than a secret can be")
	}
	return strings.TrimSuffix(strings.TrimSuffix(string(data), "\n"), "\r"), nil
}
