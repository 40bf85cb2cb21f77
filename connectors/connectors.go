// Package connectors lists the kinds of programs that Rolecall knows. A new kind is a folder with a Config and an Open
// (copy connectors/file), one line in All and one call of enginetest.ConnectorSuite.
package connectors

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/rolecall/rolecall/connectors/file"
	rest "github.com/rolecall/rolecall/connectors/http"
	"github.com/rolecall/rolecall/connectors/ldapgroup"
	"github.com/rolecall/rolecall/connectors/manual"
	"github.com/rolecall/rolecall/connectors/plugin"
	"github.com/rolecall/rolecall/connectors/scim"
	"github.com/rolecall/rolecall/connectors/sql"
	"github.com/rolecall/rolecall/engine"
)

// Env is what the surroundings offer to a connector; each takes what it needs of it.
type Env struct {
	Program   string                                                               // the name in the configuration
	Dir       string                                                               // absolute: relative paths start here
	Secret    engine.Resolve                                                       // reads what engine.Secret refers to
	Now       func() time.Time                                                     // the clock
	Directory func(name string) (ldapgroup.Directory, error)                       // finds a directory of the configuration by its name
	Calls     int                                                                  // at once, as configured; 0: as the kind thinks best
	Transport http.RoundTripper                                                    // for programs with an HTTP interface; nil: the connector's own, which verifies certificates
	Between   func(http.RoundTripper) http.RoundTripper                            // stands between such a program and its transport, its own, too; nil: nothing
	Getenv    func(string) string                                                  // the environment, of which a plug-in gets four variables
	Log       *slog.Logger                                                         // gets what plug-ins write to standard error; nil: nobody does
	Wait      func(context.Context, time.Duration) error                           // before something that failed is tried again; nil: a timer
	Pipe      func(plugin.Pipe) plugin.Pipe                                        // stands between a plug-in and Rolecall; nil: nothing
	Dial      func(ctx context.Context, network, address string) (net.Conn, error) // connects to databases; nil: a net.Dialer
	Step      file.Step                                                            // stands between a file, or Git, and Rolecall; nil: nothing
	Tried     bool                                                                 // by the suite: what goes wrong on purpose keeps no plug-in from being started again
}

// Open makes the connector of one program. decode fills the connector's own configuration, a pointer to a struct, and
// refuses unknown keys. Open checks what can be checked without calling the program and makes no call itself.
type Open func(ctx context.Context, decode func(cfg any) error, env Env) (engine.Connector, error)

// All gives the kinds by the name used in `kind:`.
func All() map[string]Open {
	return map[string]Open{
		"file": kind(func(c file.Config, e Env) (*file.Program, error) {
			return file.Open(c, file.Options{Program: e.Program, Dir: e.Dir, Now: e.Now, Step: e.Step})
		}),
		"git": kind(func(c file.GitConfig, e Env) (*file.Program, error) {
			return file.OpenGit(c, file.GitOptions{Options: file.Options{Program: e.Program, Dir: e.Dir, Now: e.Now, Step: e.Step}, Secret: e.Secret})
		}),
		"http": kind(func(c rest.Config, e Env) (*rest.Program, error) {
			return rest.Open(c, rest.Options{Program: e.Program, Secret: e.Secret, Now: e.Now, Calls: e.Calls, Transport: e.Transport, Between: e.Between, Wait: e.Wait})
		}),
		"ldap-group": kind(func(c ldapgroup.Config, e Env) (*ldapgroup.Program, error) {
			return ldapgroup.Open(c, ldapgroup.Options{Program: e.Program, Directory: e.Directory, Now: e.Now})
		}),
		"manual": kind(func(c manual.Config, e Env) (*manual.Program, error) {
			return manual.Open(c, manual.Options{Program: e.Program, Dir: e.Dir, Now: e.Now})
		}),
		"plugin": kind(func(c plugin.Config, e Env) (engine.Connector, error) {
			return plugin.Open(c, plugin.Options{Program: e.Program, Dir: e.Dir, Env: e.Getenv, Secret: e.Secret, Now: e.Now, Log: e.Log, Pipe: e.Pipe, Wait: e.Wait, Tried: e.Tried})
		}),
		"scim": kind(func(c scim.Config, e Env) (*scim.Program, error) {
			return scim.Open(c, scim.Options{Program: e.Program, Secret: e.Secret, Now: e.Now, Calls: e.Calls, Transport: e.Transport, Between: e.Between, Wait: e.Wait})
		}),
		"sql": kind(func(c sql.Config, e Env) (engine.Connector, error) {
			return sql.Open(c, sql.Options{Program: e.Program, Dir: e.Dir, Secret: e.Secret, Now: e.Now, Dial: e.Dial})
		}),
	}
}

// Says gives one sentence about each kind.
func Says() map[string]string {
	return map[string]string{
		"file":       "a CSV file: programs without an interface, and lists kept by hand",
		"git":        "an access list in a Git repository",
		"http":       "any program with a REST interface, described in the configuration",
		"ldap-group": "membership in groups of a directory",
		"manual":     "programs without any interface: each change is a task for a person",
		"plugin":     "any executable, in any language, that speaks a small protocol",
		"scim":       "any program with SCIM 2.0",
		"sql":        "roles of PostgreSQL, accounts of MariaDB, or tables of a program in either or in SQLite",
	}
}

// kind decodes a configuration of type C before it opens the connector.
func kind[C any, P engine.Connector](open func(C, Env) (P, error)) Open {
	return func(_ context.Context, decode func(cfg any) error, env Env) (engine.Connector, error) {
		var cfg C
		if err := decode(&cfg); err != nil {
			return nil, err
		}
		program, err := open(cfg, env)
		if err != nil {
			return nil, err
		}
		return program, nil
	}
}
