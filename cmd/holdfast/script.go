package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"holdfast/biz/script"
	"holdfast/cmd/holdfast/host"
	"holdfast/cmd/holdfast/terminal"
	"holdfast/perf/outfile"
)

const scriptLong = `script writes and checks scripts of a trading day, for "holdfast serve --script". The
documentation of the package biz/script lists the commands of a script.`

const scriptExample = `  holdfast script example wild > day.json
  holdfast script check day.json --seed-file seed.json
  holdfast serve --script day.json --throwaway`

// newScriptCommand returns the group of commands for scripts.
func newScriptCommand(p *Program) *cobra.Command {
	cmd := &cobra.Command{
		Use: "script", Short: "write and check scripts of a trading day",
		Long: scriptLong, Example: scriptExample, Args: subcommandOnly, RunE: showHelp,
	}
	cmd.AddCommand(newScriptExampleCommand(p), newScriptCheckCommand(p))
	return cmd
}

func newScriptExampleCommand(p *Program) *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use: "example NAME", Short: "write a script that ships with holdfast: " + strings.Join(script.Shipped(), ", "),
		Long: `example writes a script that ships with holdfast:

  quiet     a day with few orders, a lunch break and an order that expires
  wild      jumps of prices, halts, stop orders, little depth
  mistakes  busts, corrections, rejected orders, late executions, cut connections`,
		Example: "  holdfast script example wild > day.json\n  holdfast script example mistakes --out day.json",
		Args:    exactArgs("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			var name string
			if err := newOneOf(&name, "", script.Shipped()).Set(args[0]); err != nil {
				return usagef(cmd, "NAME %s, got %q", err, args[0])
			}
			text, err := script.Text(name)
			if err != nil {
				return err
			}
			return outfile.Write(out, 0o644, p.Stdout, func(w io.Writer) error {
				_, err := w.Write(text)
				return err
			})
		},
	}
	cmd.Flags().Var(newOutFile(&out, outfile.Stdout), "out", "`FILE` to write; -: the standard output")
	return cmd
}

func newScriptCheckCommand(p *Program) *cobra.Command {
	var seedFile string
	var asJSON bool
	cmd := &cobra.Command{
		Use: "check FILE", Short: "check a script and list its events",
		Long: `check reads a script as "holdfast serve --script" does, for the instruments and customers
of a seed file, and lists its events. The first mistake is reported with its line.`,
		Example: "  holdfast script check day.json\n  holdfast script check day.json --seed-file seed.json\n  holdfast script check day.json --json",
		Args:    exactArgs("FILE"),
		RunE: func(_ *cobra.Command, args []string) error {
			seed, err := host.LoadSeed(seedFile)
			if err != nil {
				return err
			}
			s, err := host.LoadScript(args[0], seed)
			if err != nil {
				return err
			}
			if asJSON {
				return p.listScriptJSON(s)
			}
			return p.listScript(s)
		},
	}
	addJSON(cmd.Flags(), &asJSON)
	cmd.Flags().StringVar(&seedFile, "seed-file", "", "`file` of instruments and customers; empty: the demo seed")
	return cmd
}

// listScript prints the events of a script for people.
func (p *Program) listScript(s *script.Script) error {
	t := terminal.NewTable(p.style(), ">LINE", "TIME", "COMMAND", "")
	for n := range s.Events {
		e := &s.Events[n]
		t.Add(fmt.Sprint(e.Line), e.At.Format("2006-01-02 15:04:05.999"), e.Do, e.About())
	}
	if len(s.Events) > 0 {
		if _, err := fmt.Fprint(p.Stdout, t); err != nil {
			return err
		}
	}
	return p.say("right: %s from %s", counted(len(s.Events), "event"), s.Start.Format("2006-01-02 15:04:05 -07:00"))
}

// scriptLine is an event of a script as a line of JSON.
type scriptLine struct {
	Line    int       `json:"line"`
	Time    time.Time `json:"time"` // of the trading clock
	Command string    `json:"command"`
	About   string    `json:"about,omitempty"` // for people
}

// listScriptJSON prints the events of a script, one per line.
func (p *Program) listScriptJSON(s *script.Script) error {
	for n := range s.Events {
		e := &s.Events[n]
		if err := p.printJSON(scriptLine{e.Line, e.At, e.Do, e.About()}); err != nil {
			return err
		}
	}
	return nil
}
