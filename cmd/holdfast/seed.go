package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"
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

// tokensFile returns the name of the file for the tokens.
func (o *seedOptions) tokensFile() string { return o.out + ".tokens" }

// newSeedCommand returns the command that writes a seed file and the tokens of its customers.
func newSeedCommand(p *Program) *cobra.Command {
	var o seedOptions
	cmd := &cobra.Command{
		Use:   "seed",
		Short: "write a file of customers and instruments, and their tokens",
		Long: `seed writes a file of customers and instruments for "serve --seed-file", and
FILE.tokens with a login token for each customer. The same flags always produce the
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
	flags.StringVar(&o.out, "out", "seed.json", "`FILE` to write")
	flags.IntVar(&o.Customers, "customers", 100, "number of customers; the first is 100001")
	flags.IntVar(&o.Instruments, "instruments", 20, "number of instruments")
	flags.Uint64Var(&o.Random, "random", 1, "random seed for names, prices, positions and tokens")
	flags.StringVar(&o.Password, "password", "", "password of every customer (slow: tens of milliseconds each)")
	flags.BoolVar(&o.force, "force", false, "replace existing files")
	return cmd
}

func (p *Program) runSeed(cmd *cobra.Command, o *seedOptions) error {
	if o.out == "" {
		return usagef(cmd, "--out is empty: name the file to write")
	}
	if err := o.refuseToReplace(); err != nil {
		return err
	}
	show, leave := p.progressBar("customers")
	o.Progress = show
	err := o.write(cmd.Context())
	leave()
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

// refuseToReplace returns an error if one of the files exists. It comes before any work.
// A data folder works only with the seed file that it was started with.
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

// write writes both files, the tokens first: a seed file without tokens is useless.
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

// writeFile writes a file that only its owner may read. The file appears when it is
// complete; after an error, or when ctx ends, nothing is left of it.
func writeFile(ctx context.Context, name string, write func(io.Writer) error) (err error) {
	f, err := renameio.NewPendingFile(name, renameio.WithTempDir(filepath.Dir(name)), renameio.WithStaticPermissions(0o600))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Cleanup()) }()
	if err := write(&contextWriter{ctx: ctx, w: f}); err != nil {
		return err
	}
	return f.CloseAtomicallyReplace()
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
