package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"holdfast/biz/client"
	"holdfast/biz/journal"
	wiring "holdfast/biz/server"
	"holdfast/cmd/holdfast/config"
	"holdfast/cmd/holdfast/export"
	"holdfast/cmd/holdfast/host"
	"holdfast/perf/outfile"
	"holdfast/perf/progress"
	"holdfast/perf/table"
)

const exportLong = `export writes executions, orders or positions to a file: from a running server, or with
--data from the data folder of a stopped one. Rows come customer by customer, the newest
executions and orders first. Trading may go on meanwhile: a customer's rows are those of the
moment when it is that customer's turn.

  csv      a header and a line per row; prices and amounts are decimals such as 10.2500, times
           are RFC 3339 in UTC with nanoseconds; what a row lacks is empty
  jsonl    a JSON object per line, as a message of codec/pb/holdfast.proto in its canonical
           JSON mapping: prices and amounts in 1/10000, 64-bit numbers as strings
  parquet  typed columns, compressed: prices and amounts are DECIMAL(18,4), times are
           TIMESTAMP with nanoseconds, ids are customer x 2^32 + number

A running server is asked as the customer, or with --operator or --all-customers as an operator.
The data folder of a stopped server is opened as a start would: it is locked, the journal is
checked, and the history is brought up to date. A journal on external servers (journal_url) is not
in the folder: export from the running server.

The file is complete or not there: if the export fails or is interrupted, an earlier file stays.`

const exportExample = `  holdfast export executions --customer 100001 --out executions.csv
  holdfast export executions --all-customers --format parquet --out executions.parquet
  holdfast export orders --customer 100001 --status filled,cancelled --format jsonl
  holdfast export positions --all-customers --data /srv/holdfast --seed-file seed.json`

// newExportCommand returns the group of commands that write rows to a file.
func newExportCommand(p *Program) *cobra.Command {
	cmd := &cobra.Command{
		Use: "export", Short: "write executions, orders or positions to a file",
		Long: exportLong, Example: exportExample, Args: subcommandOnly, RunE: showHelp,
	}
	cmd.AddCommand(newExportExecutionsCommand(p), newExportOrdersCommand(p), newExportPositionsCommand(p))
	return cmd
}

// filters are the flags that select executions or orders.
type filters struct {
	key      client.Key
	side     string
	from, to time.Time
}

func (s *filters) add(f *pflag.FlagSet, when string) {
	f.Var(newKey(&s.key), "instrument", "only those of this instrument")
	f.Var(newOneOf(&s.side, "", []string{client.Buy.String(), client.Sell.String()}), "side", "only `side` buy or sell")
	f.Var(newTime(&s.from), "from", "only those "+when+" at this `time` or later")
	f.Var(newTime(&s.to), "to", "only those "+when+" before this `time`")
}

// check returns an error if nothing can match.
func (s *filters) check() error {
	if !s.from.IsZero() && !s.to.IsZero() && !s.from.Before(s.to) {
		return errors.New("--from must be before --to")
	}
	return nil
}

// sideOf returns the side with a name; 0 for "".
func sideOf(name string) client.Side {
	return map[string]client.Side{client.Buy.String(): client.Buy, client.Sell.String(): client.Sell}[name]
}

// statusWords are the values of --status for orders.
func statusWords() map[string][]client.OrderStatus {
	words := map[string][]client.OrderStatus{"working": {client.StatusNew, client.StatusPartiallyFilled}}
	for s := client.StatusFilled; s <= client.StatusExpired; s++ {
		words[strings.ReplaceAll(s.String(), " ", "-")] = []client.OrderStatus{s}
	}
	return words
}

// addStatuses adds the flag for the status of orders.
func addStatuses(f *pflag.FlagSet, field *[]client.OrderStatus) {
	c := newChecked(field, nil, "list", func(text string) (list []client.OrderStatus, err error) {
		for word := range strings.SplitSeq(text, ",") {
			statuses, found := statusWords()[word]
			if !found {
				return nil, errors.New("wants some of working, new, partially-filled, filled, cancelled, expired, separated by commas")
			}
			list = append(list, statuses...)
		}
		return list, nil
	})
	c.show = func([]client.OrderStatus) string { return "" }
	f.Var(c, "status", "only orders with one of: working, new, partially-filled, filled, cancelled, expired")
}

// exportOf is what is different in an export of rows R.
type exportOf[R any] struct {
	noun   string       // what a row is
	check  func() error // of the flags; nil: nothing to check
	writer func(format string, w io.Writer) (export.Writer[R], error)
	// page returns the rows of a customer before an id (0: the first), and the id for the next
	// page; 0: this is the last one.
	page func(ctx context.Context, s export.Source, c client.Customer, before uint64) (rows []R, next uint64, err error)
}

func newExportExecutionsCommand(p *Program) *cobra.Command {
	var by filters
	var status string
	states := map[string]client.ExecutionState{"": client.AnyExecution, "standing": client.StandingExecution, "busted": client.BustedExecution}
	cmd := &cobra.Command{
		Use: "executions", Short: "write executions to a file", Long: exportLong,
		Example: `  holdfast export executions --customer 100001
  holdfast export executions --customer 100001 --instrument ALFA/600100 --from "2026-01-05 09:30:00" --status standing
  holdfast export executions --all-customers --format parquet --out executions.parquet --data /srv/holdfast`,
	}
	by.add(cmd.Flags(), "traded")
	cmd.Flags().Var(newOneOf(&status, "", []string{"standing", "busted"}), "status", "only `standing` ones, or only busted ones; a corrected one is busted")
	return addExport(p, cmd, exportOf[client.Execution]{
		noun: "execution", check: by.check, writer: export.NewExecutions,
		page: func(ctx context.Context, s export.Source, c client.Customer, before uint64) ([]client.Execution, uint64, error) {
			page, err := s.Executions(ctx, client.HistoryQuery{
				Before: client.ExecutionID(before), Limit: exportPage, Customer: c, Key: by.key, Side: sideOf(by.side), From: by.from, To: by.to, State: states[status],
			})
			return page.Executions, uint64(page.Next), err
		},
	})
}

func newExportOrdersCommand(p *Program) *cobra.Command {
	var by filters
	var statuses []client.OrderStatus
	cmd := &cobra.Command{
		Use: "orders", Short: "write orders to a file", Long: exportLong,
		Example: `  holdfast export orders --customer 100001
  holdfast export orders --customer 100001 --status filled,cancelled --format jsonl | jq .orderId
  holdfast export orders --all-customers --side sell --out sells.csv --data /srv/holdfast`,
	}
	by.add(cmd.Flags(), "accepted")
	addStatuses(cmd.Flags(), &statuses)
	return addExport(p, cmd, exportOf[client.OrderState]{
		noun: "order", check: by.check, writer: export.NewOrders,
		page: func(ctx context.Context, s export.Source, c client.Customer, before uint64) ([]client.OrderState, uint64, error) {
			page, err := s.Orders(ctx, client.OrderQuery{
				Before: client.OrderID(before), Limit: exportPage, Customer: c, Key: by.key, Side: sideOf(by.side), From: by.from, To: by.to, Statuses: statuses,
			})
			return page.Orders, uint64(page.Next), err
		},
	})
}

func newExportPositionsCommand(p *Program) *cobra.Command {
	var key client.Key
	cmd := &cobra.Command{
		Use: "positions", Short: "write positions to a file", Long: exportLong,
		Example: `  holdfast export positions --customer 100001
  holdfast export positions --all-customers --instrument ALFA/600100 --out holders.csv
  holdfast export positions --all-customers --format parquet --out positions.parquet --data /srv/holdfast`,
	}
	cmd.Flags().Var(newKey(&key), "instrument", "only those of this instrument")
	return addExport(p, cmd, exportOf[export.Position]{
		noun: "position", writer: export.NewPositions,
		page: func(ctx context.Context, s export.Source, c client.Customer, _ uint64) ([]export.Position, uint64, error) {
			list, err := s.Positions(ctx, c)
			list = slices.DeleteFunc(list, func(x export.Position) bool { return key != (client.Key{}) && x.Key != key })
			return list, 0, err
		},
	})
}

// exportPage is how many rows are asked for at once: as many as a reply can have.
const exportPage = 1000

// exporting is one export.
type exporting struct {
	p          *Program
	noun       string
	format     string
	out        string
	force      bool
	customer   uint32
	everyone   bool
	data       string
	seedFile   string
	historyURL string
	access     access

	rows    int
	started time.Time
	line    *progress.Line
}

// addExport completes the command of an export.
func addExport[R any](p *Program, cmd *cobra.Command, of exportOf[R]) *cobra.Command {
	x := &exporting{p: p, noun: of.noun}
	f := cmd.Flags()
	f.SortFlags = false
	f.Var(newOneOf(&x.format, export.CSV, export.Formats()), "format", "`format`: csv, jsonl or parquet")
	f.Var(newOutFile(&x.out, outfile.Stdout), "out", "`file` to write; -: the standard output")
	f.BoolVar(&x.force, "force", false, "replace a file that exists")
	f.Var(newCustomer(&x.customer), "customer", "those of this customer")
	f.BoolVar(&x.everyone, "all-customers", false, "those of all customers, as an operator")
	f.Var(newFolder(&x.data, ""), "data", "read the data `folder` of a stopped server")
	f.StringVar(&x.seedFile, "seed-file", p.Getenv(config.EnvPrefix+"SEED_FILE"), "with --data: seed `file` of the server; empty: the demo seed")
	f.StringVar(&x.historyURL, "history-url", p.Getenv(config.EnvPrefix+"HISTORY_URL"), "with --data: PostgreSQL database of the history; empty: in the data folder")
	f.Lookup("history-url").DefValue = "" // it may have a password
	x.access.add(f, "operator", 900001, "log in as this operator; without it and --all-customers, as the customer")
	cmd.Args = noArgs
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		err := x.check(cmd)
		if err == nil && of.check != nil {
			err = of.check()
		}
		if err != nil {
			return usagef(cmd, "%s", err)
		}
		if err := x.checkOut(); err != nil {
			return err
		}
		if err = exportRows(cmd.Context(), x, &of); err != nil && cmd.Context().Err() != nil {
			return cmd.Context().Err() // the cause of all others
		}
		return err
	}
	return cmd
}

// check returns what is wrong with the command line.
func (x *exporting) check(cmd *cobra.Command) error {
	given := func(name string) bool { return cmd.Flags().Changed(name) }
	if given("customer") == x.everyone {
		return errors.New("name one --customer, or --all-customers")
	}
	if err := x.checkSource(cmd); err != nil {
		return err
	}
	if x.data == "" && !given("operator") && !x.everyone {
		x.access.customer = x.customer
	}
	if x.format == export.Parquet && x.p.onTerminal && outfile.IsStdout(x.out, x.p.Stdout) {
		return errors.New("parquet is not for a terminal: name a file with --out")
	}
	return nil
}

// checkSource returns what is wrong with the flags that say where the rows come from.
func (x *exporting) checkSource(cmd *cobra.Command) error {
	given := func(name string) bool { return cmd.Flags().Changed(name) }
	switch {
	case x.data != "":
		for _, name := range append([]string{"addr", "door", "operator", "password", "token"}, encryptionFlags()...) {
			if given(name) {
				return fmt.Errorf("--data reads a folder, without a login: --%s is for a running server", name)
			}
		}
		if u := x.historyURL; u != "" && !strings.HasPrefix(u, "postgres://") && !strings.HasPrefix(u, "postgresql://") {
			return errors.New("--history-url wants a URL that begins with postgres:// or postgresql://")
		}
	case given("seed-file"), given("history-url"):
		return errors.New("--seed-file and --history-url need --data")
	}
	return nil
}

// checkOut returns why the file can't be written, as far as it can be known before.
func (x *exporting) checkOut() error {
	if outfile.IsStdout(x.out, x.p.Stdout) {
		return nil
	}
	if info, err := os.Stat(x.out); err == nil && info.Mode().IsRegular() && !x.force {
		return fmt.Errorf("%s exists; add --force to replace it", x.out)
	}
	return outfile.Check(x.out, x.p.Stdout)
}

// exportRows writes the file.
func exportRows[R any](ctx context.Context, x *exporting, of *exportOf[R]) error {
	x.line = progress.New(x.p.Stderr)
	x.line.Limit(100*time.Millisecond, 0)
	defer x.line.Leave()
	source, err := x.source(ctx)
	if err != nil {
		return err
	}
	x.started = time.Now()
	err = outfile.Write(x.out, 0o600, x.p.Stdout, func(w io.Writer) error {
		buffered := bufio.NewWriterSize(w, 1<<16)
		rows, err := of.writer(x.format, buffered)
		if err == nil {
			err = writeRows(ctx, x, of, source, rows)
		}
		if err != nil {
			return err
		}
		return errors.Join(rows.Close(), buffered.Flush())
	})
	if err == nil {
		err = syncFolder(x.out, x.p.Stdout)
	}
	if err := errors.Join(err, source.Close()); err != nil {
		return err
	}
	x.line.Leave()
	where := ""
	if !outfile.IsStdout(x.out, x.p.Stdout) {
		where = " to " + table.Escape(x.out)
	}
	_, err = fmt.Fprintf(x.p.textBeside(x.out), "  exported: %s%s\n", counted(x.rows, x.noun), where)
	return err
}

// source opens what the rows are read from.
func (x *exporting) source(ctx context.Context) (export.Source, error) {
	if x.data == "" {
		c, err := x.access.login(ctx, x.p)
		return export.Server{Client: c, Waits: x.waits}, err
	}
	if x.p.Getenv(config.EnvPrefix+"JOURNAL_URL") != "" || journal.IsExternal(filepath.Join(x.data, "journal")) {
		return nil, fmt.Errorf("%s: the journal is on external servers (journal_url), not in the folder: start the server and export from it, with --addr instead of --data", x.data)
	}
	s, err := host.LoadSeed(x.seedFile)
	if err != nil {
		return nil, err
	}
	r, err := wiring.OpenReader(ctx, wiring.Config{
		Data: x.data, Seed: s, HistoryURL: x.historyURL, Log: newLogger(x.p.Stderr, slog.LevelWarn),
	}, func(done, total uint64) {
		if x.line.Terminal() && done < total {
			x.line.Show(fmt.Sprintf("the history is brought up to date: %s of %s batches", humanize.Comma(int64(done)), humanize.Comma(int64(total))))
		}
	})
	return export.Folder{Reader: r}, err
}

// writeRows writes the rows of all customers that are wanted, customer by customer.
func writeRows[R any](ctx context.Context, x *exporting, of *exportOf[R], source export.Source, rows export.Writer[R]) error {
	customers := []client.Customer{client.Customer(x.customer)}
	if x.everyone {
		var err error
		if customers, err = source.Customers(ctx); err != nil {
			return operatingAdvice(err)
		}
	}
	for n, c := range customers {
		first, before := uint64(0), uint64(0)
		for more := true; more; more = before != 0 {
			page, next, err := of.page(ctx, source, c, before)
			if err == nil {
				err = ctx.Err()
			}
			if err != nil {
				return operatingAdvice(err)
			}
			for i := range page {
				if err := rows.Write(&page[i]); err != nil {
					return err
				}
			}
			if x.rows += len(page); before == 0 {
				first = next
			}
			// Ids are numbered from 1 for each customer.
			part := 1 - float64(uint32(next))/float64(max(uint32(first), 1))
			x.show(float64(n)+part, len(customers))
			before = next
		}
	}
	return nil
}

// waits shows why the server has no rows now.
func (x *exporting) waits(why error) {
	if x.line.Terminal() {
		x.line.Show("waiting: " + table.Escape(why.Error()))
	}
}

// show shows how many customers are done, and how fast.
func (x *exporting) show(done float64, total int) {
	if !x.line.Terminal() {
		return
	}
	const steps = 1000 // of a customer
	rate := float64(x.rows) / max(time.Since(x.started).Seconds(), 0.001)
	x.line.Show(fmt.Sprintf("%s %3.0f %%  %s, %s/s", progress.Bar(int(done*steps), total*steps, 20), 100*done/float64(total),
		counted(x.rows, x.noun), humanize.Comma(int64(rate))))
}

// syncFolder makes a new name in a folder durable. A stream has none.
func syncFolder(name string, stdout io.Writer) error {
	if outfile.IsStream(name, stdout) {
		return nil
	}
	folder, err := os.Open(filepath.Dir(name))
	if errors.Is(err, fs.ErrPermission) { // it can be entered and not read
		return nil
	}
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}
