// Command fast is a plug-in in memory whose changes take as long as its argument says.
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/rolecall/rolecall/connectors/plugin/sdk"
)

type program struct{ takes time.Duration }

func (program) Open(context.Context, sdk.Settings) (string, error) { return "fast", nil }

func (program) Accounts(_ context.Context, yield func(sdk.Account)) error {
	for i := range 10_000 {
		yield(sdk.Account{ID: fmt.Sprint("account ", i), Active: true, Entitlements: []string{"read", "write", "admin"}})
	}
	return nil
}

func (p program) Grant(context.Context, string, string) (sdk.Outcome, error) {
	time.Sleep(p.takes)
	return sdk.Done, nil
}

func (p program) Revoke(context.Context, string, string) (sdk.Outcome, error) {
	time.Sleep(p.takes)
	return sdk.Done, nil
}

func main() {
	takes, err := time.ParseDuration(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return
	}
	sdk.Main(sdk.About{Name: "fast", Version: "1", Parallel: 32}, program{takes})
}
