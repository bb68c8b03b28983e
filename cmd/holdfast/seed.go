package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"os"

	"github.com/spf13/cobra"

	"holdfast/biz/seed"
	"holdfast/perf/outfile"
	"holdfast/perf/table"
)

const seedExample = `  holdfast seed --customers 10000 --out load.json
  holdfast seed --customers 500 --instruments 50 --random 7 --password secret --out demo.json
  holdfast seed --mainland --directives --password secret --customers 10 --out trial.json
  holdfast serve --seed-file load.json --data load-data`

// seedOptions are the flags of "holdfast seed".
type seedOptions struct {
	seed.Options
	out    string // the seed file
	tokens string // the file for the tokens; runSeed sets the default
	force  bool
	json   bool
}

// seedResult is what "holdfast seed" has written.
type seedResult struct {
	File        string `json:"file"`
	Customers   int    `json:"customers"`
	Instruments int    `json:"instruments"`
	Tokens      string `json:"tokens,omitempty"` // the file of the tokens
}

// String returns a line for each file.
func (r seedResult) String() string {
	text := fmt.Sprintf("%s: %d customers, %d instruments\n", table.Escape(r.File), r.Customers, r.Instruments)
	if r.Tokens != "" {
		text += table.Escape(r.Tokens) + ": their tokens\n"
	}
	return text
}

// newSeedCommand returns the command that writes a seed file and the tokens of its customers.
func newSeedCommand(p *Program) *cobra.Command {
	var o seedOptions
	cmd := &cobra.Command{
		Use:   "seed",
		Short: "write a file of customers and instruments, and their tokens",
		Long: `seed writes a file of customers and instruments for "serve --seed-file", and
FILE.tokens with a login token for each customer. With "--out -" the file goes to the
standard output; add --tokens to keep the tokens. The same flags always produce the
same files. Anyone who knows the flags knows the tokens, so use them only for tests
and load.`,
		Example: seedExample,
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.runSeed(cmd, &o)
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.Var(newOutFile(&o.out, "seed.json"), "out", "`FILE` to write; -: the standard output")
	flags.StringVar(&o.tokens, "tokens", "", "`file` for the tokens; empty: FILE.tokens, or no tokens if FILE is not a file on disk")
	flags.Var(newWhole(&o.Customers, 100, 1, seed.MaxGeneratedCustomers), "customers", "number of customers; the first is 100001")
	flags.Var(newWhole(&o.Instruments, 20, 1, seed.MaxGeneratedInstruments), "instruments", "number of instruments")
	flags.Var(newWhole(&o.Positions, 5, 1, seed.MaxGeneratedPositions), "positions", "most positions of a customer")
	flags.BoolVar(&o.Mainland, "mainland", false, "rules of mainland markets: lots, price bands, hours, fees, T+1")
	flags.BoolVar(&o.Directives, "directives", false, "let customers demand outcomes in their client order ids, such as a1!parts=3")
	flags.Var(newWhole[uint64](&o.Random, 1, 0, math.MaxUint64), "random", "random seed for names, prices, positions and tokens")
	flags.StringVar(&o.Password, "password", "", "password of every customer (slow: tens of milliseconds each)")
	flags.BoolVar(&o.force, "force", false, "replace existing files")
	addJSON(flags, &o.json)
	return cmd
}

func (p *Program) runSeed(cmd *cobra.Command, o *seedOptions) error {
	if o.tokens == "" && !outfile.IsStream(o.out, p.Stdout) {
		o.tokens = o.out + ".tokens"
	}
	if outfile.Same(o.tokens, o.out, p.Stdout) {
		return usagef(cmd, "--tokens %q is also --out: each needs another file", o.tokens)
	}
	toStdout := outfile.IsStdout(o.out, p.Stdout) || outfile.IsStdout(o.tokens, p.Stdout)
	if toStdout && o.json {
		return usagef(cmd, "--json and a file on the standard output exclude each other")
	}
	if len(o.Password) > seed.MaxPasswordSize {
		return usagef(cmd, "--password is longer than %d bytes", seed.MaxPasswordSize)
	}
	if err := o.refuseToReplace(p.Stdout); err != nil {
		return err
	}
	show, leave := p.progressBar("customers")
	o.Progress = show
	err := o.write(cmd.Context(), p.Stdout)
	leave()
	if err != nil {
		return err
	}
	result := seedResult{o.out, o.Customers, o.Instruments, o.tokens}
	if toStdout {
		_, err = io.WriteString(p.Stderr, result.String())
		return err
	}
	return p.print(result, o.json)
}

// refuseToReplace returns an error if one of the files exists. It comes before any work.
// A data folder works only with the seed file that it was started with.
func (o *seedOptions) refuseToReplace(stdout io.Writer) error {
	if o.force {
		return nil
	}
	for _, name := range []string{o.out, o.tokens} {
		if _, err := os.Stat(name); err == nil && !outfile.IsStream(name, stdout) {
			return fmt.Errorf("%s exists: choose another --out, or --force to replace it", name)
		}
	}
	return nil
}

// write writes both files, which only their owner may read. The file of the tokens appears
// last, but nothing of either is left if it cannot be written.
func (o *seedOptions) write(ctx context.Context, stdout io.Writer) error {
	writeSeed := func() error {
		return outfile.Write(o.out, 0o600, stdout, func(w io.Writer) error {
			return seed.Generate(&contextWriter{ctx: ctx, w: w}, o.Options)
		})
	}
	if o.tokens == "" {
		return writeSeed()
	}
	return outfile.Write(o.tokens, 0o600, stdout, func(w io.Writer) error {
		if err := seed.GenerateTokens(&contextWriter{ctx: ctx, w: w}, o.Options); err != nil {
			return err
		}
		return writeSeed()
	})
}

// contextWriter returns an error after its context has ended, which stops the writer.
type contextWriter struct {
	ctx context.Context
	w   io.Writer
}

// Write implements io.Writer.
func (c *contextWriter) Write(b []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.w.Write(b)
}
