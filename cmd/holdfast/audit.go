package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"holdfast/biz/client"
	"holdfast/cmd/holdfast/config"
	"holdfast/perf/progress"
	"holdfast/perf/table"
)

const auditLong = `audit lists what operators have commanded, newest last: when, who, from where, which command
with its parameters, and how the server answered. Commands that were refused are in the list, too,
also those of customers without the operator role; after ten of these in a minute the server only
counts further ones of the same customer.

It reads a running server, as an operator or a viewer, or with --data the folder of a stopped one.
The time is that of the server's clock, not of the market. Trimming the journal
(journal_keep) leaves the list as it is.

With --json it prints an object per entry, an AuditEntry of the protocol in the canonical JSON
mapping.`

const auditExample = `  holdfast audit
  holdfast audit --customer 900001 --since "2026-01-05 09:00:00" --command deposit
  holdfast audit --data /srv/holdfast --seed-file seed.json --limit 0 --json`

// newAuditCommand returns the command that lists the commands of operators.
func newAuditCommand(p *Program) *cobra.Command {
	x := &exporting{p: p}
	var q client.AuditQuery
	var customer uint32
	var limit int
	var asJSON bool
	cmd := &cobra.Command{
		Use: "audit", Short: "list what operators have commanded", Long: auditLong, Example: auditExample, Args: noArgs,
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.Var(newCustomer(&customer), "customer", "only commands of this customer")
	f.Var(newTime(&q.From), "since", "only from this `time` on")
	f.Var(newTime(&q.To), "until", "only before this `time`")
	f.StringVar(&q.Command, "command", "", "only this `kind` of command, such as deposit or bust")
	f.Var(newWhole(&limit, 100, 0, 10_000_000), "limit", "at most so many of the newest entries; 0: all")
	addJSON(f, &asJSON)
	f.Var(newFolder(&x.data, ""), "data", "read the data `folder` of a stopped server")
	f.StringVar(&x.seedFile, "seed-file", p.Getenv(config.EnvPrefix+"SEED_FILE"), "with --data: seed `file` of the server; empty: the demo seed")
	f.StringVar(&x.historyURL, "history-url", p.Getenv(config.EnvPrefix+"HISTORY_URL"), "with --data: PostgreSQL database of the history; empty: in the data folder")
	f.Lookup("history-url").DefValue = "" // it may have a password
	x.access.add(f, "operator", 900001, "customer `number` of the operator or viewer")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := x.checkSource(cmd); err != nil {
			return usagef(cmd, "%s", err)
		}
		q.Customer = client.Customer(customer)
		list, err := x.audits(cmd.Context(), q, limit)
		if err != nil {
			return err
		}
		return p.showAudits(list, asJSON)
	}
	return cmd
}

// audits returns the newest entries, oldest first.
func (x *exporting) audits(ctx context.Context, q client.AuditQuery, limit int) (list []client.AuditEntry, err error) {
	x.line = progress.New(x.p.Stderr)
	defer x.line.Leave()
	source, err := x.source(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = source.Close() }() // read only: nothing is lost
	for more := true; more; {
		if q.Limit = exportPage; limit > 0 {
			q.Limit = min(exportPage, limit-len(list))
		}
		var page []client.AuditEntry
		if page, more, err = source.Audits(ctx, q); err != nil {
			return nil, operatingAdvice(err)
		}
		if list = append(list, page...); len(page) > 0 {
			q.Before = page[len(page)-1].Number
		}
		more = more && (limit == 0 || len(list) < limit)
	}
	slices.Reverse(list)
	return list, nil
}

func (p *Program) showAudits(list []client.AuditEntry, asJSON bool) error {
	if asJSON {
		for i := range list {
			if err := p.printJSON(list[i]); err != nil {
				return err
			}
		}
		return nil
	}
	if len(list) == 0 {
		return p.say("no entries")
	}
	t := p.table([]int{3, 6}, "TIME", ">CUSTOMER", "NAME", "FROM", "COMMAND", "RESULT", "ANSWER")
	for i := range list {
		e := &list[i]
		answer := e.Message
		if e.Unlisted > 0 {
			answer += fmt.Sprintf("; %d attempts before it are not listed", e.Unlisted)
		}
		t.Add(e.Time.Local().Format("2006-01-02 15:04:05"), fmt.Sprint(e.Customer), table.Escape(e.Name), table.Escape(e.Address),
			table.Escape(strings.TrimSpace(e.Command+" "+e.Text)), e.Result, table.Escape(answer))
	}
	_, err := fmt.Fprint(p.Stdout, t)
	return err
}
