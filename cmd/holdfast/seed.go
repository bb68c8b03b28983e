package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"holdfast/biz/seed"
)

const seedExample = `  holdfast seed --customers 10000 --out load.json
  holdfast seed --customers 500 --instruments 50 --random 7 --password secret --out demo.json
  holdfast serve --seed-file load.json --data load-data`

// seedOptions are the flags of "holdfast seed".
type seedOptions struct {
	seed.Options
	out   string // the seed file; the tokens go to out.tokens
	force bool
}

// tokensFile is the file for the tokens.
func (o *seedOptions) tokensFile() string { return o.out + ".tokens" }

// newSeedCommand writes a seed file of any size and the tokens for its customers.
func newSeedCommand(p *Program) *cobra.Command {
	var o seedOptions
	cmd := &cobra.Command{
		Use:   "seed",
		Short: "generate a file of customers and instruments for serve",
		Long: `Generate a file of customers and instruments for "serve --seed-file", and beside
it FILE.tokens with a login token for each customer. The same flags give the same
files: who knows them knows the tokens, so they are for tests and load.`,
		Example: seedExample,
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.runSeed(cmd, &o)
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&o.out, "out", "seed.json", "`FILE` to write")
	flags.IntVar(&o.Customers, "customers", 100, "customers, numbered from 100001")
	flags.IntVar(&o.Instruments, "instruments", 20, "instruments")
	flags.Uint64Var(&o.Random, "random", 1, "random seed of names, prices, positions and tokens")
	flags.StringVar(&o.Password, "password", "", "give every customer this password (slow: tens of milliseconds each)")
	flags.BoolVar(&o.force, "force", false, "replace files that exist")
	return cmd
}

func (p *Program) runSeed(cmd *cobra.Command, o *seedOptions) error {
	if o.out == "" {
		return usagef(cmd, "--out is empty: name the file to write")
	}
	if err := o.refuseToReplace(); err != nil {
		return err
	}
	bar := p.newProgressBar("customers")
	o.Progress = bar.show
	err := o.write(cmd.Context())
	bar.close()
	switch {
	case errors.Is(err, seed.ErrBadOptions):
		return usagef(cmd, "%s", err)
	case err != nil:
		return err
	}
	_, err = fmt.Fprintf(p.Stdout, "%s: %d customers, %d instruments\n%s: their tokens\n",
		o.out, o.Customers, o.Instruments, o.tokensFile())
	return err
}

// refuseToReplace fails when one of the files exists, before any work is done: a
// data folder belongs to the very seed file that it was begun with.
func (o *seedOptions) refuseToReplace() error {
	if o.force {
		return nil
	}
	for _, name := range []string{o.out, o.tokensFile()} {
		if _, err := os.Lstat(name); err == nil {
			return fmt.Errorf("%s exists: choose another --out, or --force to replace it", name)
		}
	}
	return nil
}

// write makes both files. The tokens come first: a seed file without them would
// be of no use.
func (o *seedOptions) write(ctx context.Context) error {
	err := writeFile(ctx, o.tokensFile(), func(w io.Writer) error { return seed.GenerateTokens(w, o.Options) })
	if err != nil {
		return err
	}
	err = writeFile(ctx, o.out, func(w io.Writer) error { return seed.Generate(w, o.Options) })
	if err != nil {
		os.Remove(o.tokensFile())
	}
	return err
}
