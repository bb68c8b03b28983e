package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"holdfast/biz/fix"
	"holdfast/biz/fixclient"
	"holdfast/biz/fserror"
	"holdfast/cmd/holdfast/terminal"
)

// defaultFIX is the address of the FIX listener that the documentation uses.
const defaultFIX = "127.0.0.1:8893"

const fixLong = `fix is a small FIX 4.4 initiator: it logs on to a FIX listener (holdfast serve --listener
fix=` + defaultFIX + `), sends orders, cancels and replacements, and shows reports. Type commands at the
">>>" prompt; "help" lists them. With a command on the command line it executes that one, waits
for the first answer, logs out and ends; without a terminal it does so with each line of standard
input. It ends with code 1 if a command failed or was refused, or if the connection is lost.

The client's CompID is the customer number, or --comp-id. Password (554) is --token or --password.

Without --store each run starts the numbers of both directions at 1 again (ResetSeqNumFlag). With
--store FILE they go on where the file says: what the server has sent meanwhile comes again, and what
the client has sent can be asked for. --reset starts them again.

-v shows each message in both directions with the names of its fields and values, --raw as it
is, with | in place of SOH. Ctrl-C logs out.`

const fixExample = `  holdfast fix
  holdfast fix buy ALFA/600100 100 9.90 as a1
  holdfast fix --customer 100002 --password - --store 100002.fix
  holdfast fix --addr trading.example:8893 --tls-ca ca.pem --comp-id TRADER1 --target VENUE -v
  printf 'buy ALFA/600100 100 9.00 as a1\ncancel a1\n' | holdfast fix
  holdfast fix dump client.log`

// fixFlags are the flags of the FIX terminal.
type fixFlags struct {
	access
	compID, target string
	heartbeat      time.Duration
	store          string
	reset          bool
}

// newFIXCommand returns the command of the FIX terminal.
func newFIXCommand(p *Program) *cobra.Command {
	var a fixFlags
	var o terminal.FIXOptions
	cmd := &cobra.Command{
		Use: "fix [COMMAND]", Short: "trade over FIX 4.4 in the terminal, and read FIX logs",
		Long: fixLong, Example: fixExample, Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Command = strings.Join(args, " ")
			return p.runFIX(cmd.Context(), &a, o)
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.Var(newAddresses(&o.Addr, defaultFIX), "addr", "FIX listener's `host:port`"+severalAddresses)
	a.encryption.add(f)
	a.addLogin(f, "customer", 100001, "customer `number`")
	f.Var(newCompID(&a.compID, ""), "comp-id", "the client's `CompID`; empty: the customer number")
	f.Var(newCompID(&a.target, "HOLDFAST"), "target", "the server's `CompID`")
	f.Var(newDuration(&a.heartbeat, 30*time.Second, 0), "heartbeat", "HeartBtInt, in whole seconds; 0: none")
	f.StringVar(&a.store, "store", "", "`file` of the session's numbers and messages; empty: none")
	f.BoolVar(&a.reset, "reset", false, "start the numbers at 1 again")
	f.BoolVarP(&o.Dump, "verbose", "v", false, "show each message in both directions, with names")
	f.BoolVar(&o.Raw, "raw", false, "show each message in both directions, as it is")
	p.addPast(f, &o.PastFile, "fix-commands")
	cmd.AddCommand(newFIXDumpCommand(p))
	return cmd
}

// newCompID returns the value of a flag for a CompID.
func newCompID(field *string, initial string) pflag.Value {
	return newChecked(field, initial, "string", func(text string) (string, error) {
		if text == "" || len(text) > 64 || strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' }) {
			return "", errors.New("wants 1 to 64 printable characters without blanks")
		}
		return text, nil
	})
}

func (p *Program) runFIX(ctx context.Context, a *fixFlags, o terminal.FIXOptions) (err error) {
	s := &o.Session
	if s.TLS, err = a.encryption.config(); err != nil {
		return err
	}
	if _, err = a.credential(p); err != nil {
		return err
	}
	if a.compID == "" {
		a.compID = fmt.Sprint(a.customer)
	}
	s.Session, s.Password, s.Heartbeat = fix.Config{Ours: a.compID, Theirs: a.target}, a.secret, a.heartbeat
	s.Reset = a.reset || a.store == ""
	if a.store != "" {
		if s.Store, err = fixclient.OpenStore(a.store); err != nil {
			if errors.Is(err, fixclient.ErrStore) {
				return err
			}
			return fserror.Explain(a.store, err)
		}
		defer func() { err = errors.Join(err, s.Store.Close()) }()
	}
	o.Secret = a.secret
	o.Stdin, o.Stdout, o.Style = p.Stdin, p.Stdout, p.style()
	return terminal.FIX(ctx, o)
}
