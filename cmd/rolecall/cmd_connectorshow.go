package main

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/rolecall/rolecall/cmd/rolecall/render"
	"github.com/rolecall/rolecall/engine"
)

// abilityTime is how long a program may take to say what it can do.
const abilityTime = time.Minute

func (a *app) connectorShow() *cobra.Command {
	return &cobra.Command{
		Use: "show PROGRAM", Short: "What the connector of a program can do", Args: args(cobra.ExactArgs(1)),
		Long: "Asks the connector of a program of the configuration what it can do there: what is read singly, what goes with one call, which\n" +
			"changes of accounts it makes, what a delete destroys, by how much its list may be behind. Nothing is changed.",
		Example: "  rolecall connector show wiki\n  rolecall connector show wiki -o json",
		RunE:    func(c *cobra.Command, given []string) error { return a.showConnector(c.Context(), given[0]) },
	}
}

// shownConnector is what a connector can do, as JSON.
type shownConnector struct {
	Version int    `json:"version"`
	Program string `json:"program"`
	Kind    string `json:"kind"`
	engine.Capabilities
	Lines []engine.Capability `json:"lines"`
}

func (a *app) showConnector(ctx context.Context, name string) error {
	can, kind, err := a.capabilities(ctx, name)
	if err != nil {
		return err
	}
	t := render.Table{Header: []string{"what", "", "how"}}
	for _, l := range can.Lines() {
		color, word := render.Dim, "no"
		if l.Can {
			color, word = render.Plain, "yes"
		}
		t.Add(color, l.What, word, l.Says)
	}
	return a.out().Data(t, shownConnector{1, name, kind, can, can.Lines()})
}

// capabilities asks a program of the configuration. Whether it shows when accounts were last used is known by its lists alone.
func (a *app) capabilities(ctx context.Context, name string) (can engine.Capabilities, kind string, err error) {
	cfg, err := a.config()
	if err != nil {
		return can, "", err
	}
	p := cfg.Programs[name]
	if p == nil {
		return can, "", usage("`rolecall connector list` names the kinds of programs", "there is no program %q in %s", name, cfg.Path)
	}
	c, err := a.connector(ctx, cfg, name, p)
	if err != nil {
		return can, p.Kind, err
	}
	defer func() { err = errors.Join(err, closeConnector(c)) }()
	d, ok := c.(engine.Describer)
	if !ok {
		return can, p.Kind, errors.New("the connector does not describe itself")
	}
	ctx, cancel := context.WithTimeout(ctx, abilityTime)
	defer cancel()
	description, err := d.Describe(ctx)
	if err != nil {
		return can, p.Kind, failed("what it can do is known once it answers", "%s: %w", name, err)
	}
	return engine.CapabilitiesOf(c, description), p.Kind, nil
}
