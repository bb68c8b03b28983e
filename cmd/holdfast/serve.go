package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"runtime"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"holdfast/cmd/holdfast/config"
	"holdfast/cmd/holdfast/host"
	"holdfast/perf/table"
)

const serveLong = `serve runs the server until Ctrl-C or SIGTERM. Then it drains: it answers the requests
that it has received and sends each client a Notice. A second signal ends it at once;
everything acknowledged is on disk then, too. SIGHUP makes it read its settings and the
seed file again: the log level, the certificate, credentials, names and roles of customers change,
new instruments and customers come, revoked logins end. Other settings need a restart.

Settings come from the defaults, then a JSON file, then the environment
(HOLDFAST_LISTEN and so on), then flags; later ones override earlier ones.
--print-config shows them.

With --cluster-node it runs a node of a cluster, as described in docs/cluster.md.`

const serveExample = `  holdfast serve
  holdfast serve --listen 127.0.0.1:9000 --admin 127.0.0.1:9001 --data /tmp/holdfast
  holdfast serve --listener tlv=127.0.0.1:8890,greet
  holdfast serve --listener websocket=127.0.0.1:8891,origin=https://app.example.com --listener chat=127.0.0.1:8892
  holdfast serve --console 127.0.0.1:8880
  holdfast serve --listen 0.0.0.0:8888,tls --tls-cert server.pem --tls-key server.key
  holdfast serve --simulate 50/s --seed 7
  holdfast serve --script wild --throwaway
  holdfast serve --start 2026-01-05T09:00:00+08:00 --speed 60 --preset thin --data monday
  holdfast serve --config serve.json --print-config
  holdfast serve --cluster-node n1 --cluster-listen 10.0.0.1:6222 --cluster-secret-file secret \
    --cluster-peer n1=10.0.0.1:6222 --cluster-peer n2=10.0.0.2:6222 --cluster-peer n3=10.0.0.3:6222`

// serveName is the name of the command that reloads its settings.
const serveName = "serve"

func newServeCommand(p *Program) *cobra.Command {
	var printOnly, throwaway bool
	options := host.Options{Version: version()}
	cmd := &cobra.Command{
		Use:     serveName,
		Short:   "run the server",
		Long:    serveLong,
		Example: serveExample,
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := p.loadConfig(cmd)
			if err != nil {
				return err
			}
			if err := checkServe(cmd, &options, c, throwaway); err != nil {
				return err
			}
			if printOnly {
				return p.printConfig(c)
			}
			load := func() (*config.Config, error) { return p.loadConfig(cmd) }
			if throwaway {
				return p.serveThrowaway(cmd.Context(), c, options, load)
			}
			return p.serve(cmd.Context(), c, options, load)
		},
	}
	addConfigFlags(cmd)
	cmd.Flags().BoolVar(&printOnly, "print-config", false, "print the settings and where each came from, then exit")
	cmd.Flags().BoolVar(&throwaway, "throwaway", false, "use a temporary data folder, removed at the end")
	cmd.Flags().BoolVar(&options.WebSocketEcho, "websocket-echo", false, "let WebSocket listeners return each message to its sender at the path /echo, for conformance tests; needs --throwaway")
	cmd.Flags().BoolVar(&options.FIXEcho, "fix-echo", false, "let FIX listeners return orders to the clients TW44 and TW of the server ISLD, for session scenarios; needs --throwaway")
	cmd.Flags().BoolVar(&options.SubmitOnLoop, "submit-on-loop", false, "answer Submit on the event loop instead of a lane (for measurements)")
	cmd.Flags().StringVar(&options.Carrier, "plumbing", host.Reactor, "`carrier` of the sessions: "+strings.Join(host.Carriers(), ", ")+" (for measurements)")
	cmd.Flags().BoolVar(&options.CarrierChat, "plumbing-chat", false, "serve the chat dialect with a carrier other than "+host.Reactor+" (for measurements)")
	cmd.Flags().BoolVar(&options.TransactionPerOrder, "transaction-per-order", false, "make each order durable by an SQL transaction instead of the journal; needs --throwaway (for measurements)")
	return cmd
}

// checkServe returns an error for options that exclude each other.
func checkServe(cmd *cobra.Command, o *host.Options, c *config.Config, throwaway bool) error {
	switch {
	case !slices.Contains(host.Carriers(), o.Carrier):
		return usagef(cmd, "--plumbing %q is not one of %s", o.Carrier, strings.Join(host.Carriers(), ", "))
	case o.TransactionPerOrder && !throwaway:
		return usagef(cmd, "--transaction-per-order writes no journal for a restart: add --throwaway")
	case o.WebSocketEcho && !throwaway:
		return usagef(cmd, "--websocket-echo is for tests: add --throwaway")
	case o.WebSocketEcho && !hasListener(c, config.DialectWebSocket):
		return usagef(cmd, "--websocket-echo needs a listener such as --listener websocket=127.0.0.1:8891")
	case o.FIXEcho && !throwaway:
		return usagef(cmd, "--fix-echo is for tests: add --throwaway")
	case o.FIXEcho && !hasListener(c, config.DialectFIX):
		return usagef(cmd, "--fix-echo needs a listener such as --listener fix=127.0.0.1:8893")
	case o.SubmitOnLoop && o.Carrier != host.Reactor:
		return usagef(cmd, "--submit-on-loop needs --plumbing %s", host.Reactor)
	case o.CarrierChat && o.Carrier == host.Reactor:
		return usagef(cmd, "--plumbing-chat needs another --plumbing than %s: use --listener chat=host:port", host.Reactor)
	case len(c.Listeners) > 0 && o.Carrier != host.Reactor:
		return usagef(cmd, "--listener needs --plumbing %s: the others have one listener, of the packet dialect or with --plumbing-chat of the chat dialect", host.Reactor)
	case c.Console != "" && o.Carrier != host.Reactor:
		return usagef(cmd, "--console needs --plumbing %s: the others have no WebSocket listener", host.Reactor)
	case c.ListenTLS && o.Carrier != host.Reactor:
		return usagef(cmd, "--listen %s,tls needs --plumbing %s", c.Listen, host.Reactor)
	case strings.HasPrefix(c.Listen, "unix:") && o.Carrier != host.Reactor:
		return usagef(cmd, "--listen %s needs --plumbing %s: the others have no socket files", c.Listen, host.Reactor)
	default:
		return nil
	}
}

// hasListener reports whether there is a listener with a dialect.
func hasListener(c *config.Config, dialect string) bool {
	return slices.ContainsFunc(c.Listeners, func(l config.Listener) bool { return l.Dialect == dialect })
}

// serveThrowaway is serve with a data folder for this run only.
func (p *Program) serveThrowaway(ctx context.Context, c *config.Config, o host.Options, load loadConfig) error {
	folder, remove, err := p.scratch.add()
	if err != nil {
		return err
	}
	c.Data = folder
	err = p.serve(ctx, c, o, func() (*config.Config, error) {
		again, err := load()
		if err == nil {
			again.Data = folder
		}
		return again, err
	})
	return errors.Join(err, remove())
}

// serve runs a server until ctx ends. A value in Hangups makes it load its settings again.
func (p *Program) serve(ctx context.Context, c *config.Config, o host.Options, load loadConfig) error {
	defer host.PlanMemory(c).LimitRuntime()()
	p.serveStreams()
	p.results.Outlive()
	o.DroppedLines = p.droppedLines
	var level slog.LevelVar
	level.Set(c.LogLevel)
	log := newLogger(p.Stderr, &level)
	r := reloading{load: load, level: &level, log: log}
	o.Reload = r.reloadFor(c)
	if c.Cluster.Node != "" {
		return p.serveNode(ctx, c, o, log)
	}
	s, err := r.start(func() (*host.Server, error) { return host.Start(ctx, c, o, log) })
	if err != nil {
		return err
	}
	p.announce(s, c, o)
	return p.serveUntil(ctx, s, &r)
}

// serveNode runs a node of a cluster until ctx ends.
func (p *Program) serveNode(ctx context.Context, c *config.Config, o host.Options, log *slog.Logger) error {
	n, err := host.StartNode(ctx, c, o, log)
	if err != nil {
		return err
	}
	t := table.Table{Align: "l", Indent: "  ", Rows: [][]string{
		{"node", c.Cluster.Node},
		{"data", c.Data},
		{"streams", fmt.Sprint(n.Streams())},
		{"customers", fmt.Sprint(len(n.Seed.Customers))},
		{"instruments", fmt.Sprint(len(n.Seed.Instruments))},
		{"memory", n.Memory.String()},
		{"connections", fmt.Sprintf("at most %d", n.Front.Core().Limits().MaxConnections)},
	}}
	for i, l := range c.Listeners {
		l.Address = n.Addrs[i+1]
		t.Add("listener", l.String())
	}
	fmt.Fprintf(p.Stdout, "holdfast: serving on %s, metrics and pprof on %s\n%s", n.Addrs[0], n.Admin, t.AppendText(nil))
	select {
	case <-ctx.Done():
		fmt.Fprintln(p.Stderr, "holdfast: stopping; press Ctrl-C again to end at once")
		return n.Stop()
	case <-n.Ended():
		return n.Stop()
	}
}

// serveUntil waits for the end of ctx or of the server. One reload runs at a time; hang-ups
// meanwhile cause one more. A stop does not wait for a reload.
func (p *Program) serveUntil(ctx context.Context, s *host.Server, r *reloading) error {
	hangups, reloaded := p.Hangups, make(chan struct{}, 1)
	for {
		select {
		case <-ctx.Done():
			fmt.Fprintln(p.Stderr, "holdfast: stopping; press Ctrl-C again to end at once")
			return s.Stop()
		case <-s.Ended():
			return s.Wait()
		case <-hangups:
			hangups = nil
			go func() {
				_, _ = r.reload() // the log has the error
				reloaded <- struct{}{}
			}()
		case <-reloaded:
			hangups = p.Hangups
		}
	}
}

// announce prints the addresses and limits of the server. Scripts wait for the first
// line.
func (p *Program) announce(s *host.Server, c *config.Config, o host.Options) {
	carrier := []string{"event loops", fmt.Sprintf("%d on %d processors", host.EventLoops(c), runtime.NumCPU())}
	if o.Carrier != host.Reactor {
		carrier = []string{"carrier", o.Carrier}
	}
	t := table.Table{Align: "l", Indent: "  ", Rows: [][]string{
		{"data", c.Data},
		{"journal", journalText(c)},
		{"history", s.HistoryPlace()},
		{"customers", fmt.Sprint(len(s.Seed.Customers))},
		{"instruments", fmt.Sprint(len(s.Seed.Instruments))},
		carrier,
		{"open files", fmt.Sprintf("%d (hard limit %d)", s.Files.Soft, s.Files.Hard)},
		{"memory", s.Memory.String()},
		{"connections", fmt.Sprintf("at most %d", s.Core.Limits().MaxConnections)},
	}}
	if s.Console != "" {
		t.Add("console", consoleURL(s.Console, c.ConsoleTLS))
	}
	if expires, ok := s.CertificateExpires(); ok {
		t.Add("certificate", fmt.Sprintf("%s, until %s", c.TLSCert, expires.Format("2006-01-02 15:04 MST")))
	}
	if s.Day.Clock != nil {
		t.Add("clock", s.Day.String())
	}
	if s.Day.Script != nil {
		t.Add("script", fmt.Sprintf("%s, %d events", s.Day.Script.Name, len(s.Day.Script.Events)))
	}
	if s.Day.Preset.Name != "" {
		t.Add("preset", s.Day.Preset.Name)
	}
	for i, l := range c.Listeners {
		l.Address = s.Addrs[i+1]
		t.Add("listener", l.String())
	}
	if c.SeedFile == "" {
		t.Add("demo logins", "the demo accounts have a published password and token: for trials only")
	}
	fmt.Fprintf(p.Stdout, "holdfast: serving on %s, metrics and pprof on %s\n%s", s.Addrs[0], s.Admin, t.AppendText(nil))
}

// consoleURL returns the address of the console for a browser on this machine, if there is one.
func consoleURL(address string, tls bool) string {
	scheme, text := "http", address
	if tls {
		scheme = "https"
	}
	if host, port, err := net.SplitHostPort(address); err == nil && (host == "0.0.0.0" || host == "::") {
		text = net.JoinHostPort("localhost", port)
	}
	return scheme + "://" + text + "/"
}

// journalText says how much of the journal stays, and where it is unless in the data folder.
func journalText(c *config.Config) string {
	text := "trimmed to " + c.JournalKeep.String()
	if c.JournalKeep == (config.Keep{}) {
		text = "never trimmed"
	}
	text += " (journal_keep)"
	if c.JournalURL != "" {
		text = config.WithoutPasswords(c.JournalURL) + ", " + text
	}
	return text
}
