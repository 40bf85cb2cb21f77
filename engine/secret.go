package engine

import "errors"

// Secret says where a secret is, never what it is. Exactly one field is set.
type Secret struct {
	Env        string `yaml:"env,omitempty" json:"env,omitempty"`               // name of an environment variable
	File       string `yaml:"file,omitempty" json:"file,omitempty"`             // path; one line break at the end is not part of the secret
	Credential string `yaml:"credential,omitempty" json:"credential,omitempty"` // name of a file in systemd's credentials directory
}

// Resolve reads a secret anew; connectors call it at each sign-in, so that a rotated secret is picked up. Its errors name
// the reference, never the value.
type Resolve func(Secret) (string, error)

// IsZero says that no secret is configured.
func (s Secret) IsZero() bool { return s == Secret{} }

// Check says whether exactly one place is named.
func (s Secret) Check() error {
	n := 0
	for _, place := range []string{s.Env, s.File, s.Credential} {
		if place != "" {
			n++
		}
	}
	if n != 1 {
		return errors.New("a secret names exactly one of env, file or credential")
	}
	return nil
}

// String names the reference, for messages.
func (s Secret) String() string {
	switch {
	case s.Env != "":
		return "environment variable " + s.Env
	case s.File != "":
		return "file " + s.File
	case s.Credential != "":
		return "credential " + s.Credential
	}
	return "no secret"
}
