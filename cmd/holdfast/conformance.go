package main

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"holdfast/cmd/holdfast/terminal"
	"holdfast/perf/conformance"
	"holdfast/perf/outfile"
)

const conformanceLong = `conformance checks that a server follows the standard of its protocol.`

const conformanceWebSocketLong = `websocket tests an echo endpoint against RFC 6455 with the 301 core cases of the Autobahn
Testsuite: framing, pings, reserved bits and opcodes, fragmentation, UTF-8, closing,
large messages and round trips. The endpoint must send every text and binary message
back as it came; holdfast serve has one with --throwaway --websocket-echo --listener
websocket=127.0.0.1:8891. Each case has its own connection.

It prints what each case that did not pass has sent, expected and got. A case is
NON-STRICT if the server fails the connection as it must, but so early that an echo is
lost, or later than the suite wishes; that is counted separately. The exit code is 1 if
a case failed.`

const conformanceWebSocketExample = `  holdfast conformance websocket
  holdfast conformance websocket --url ws://127.0.0.1:8891/echo --parallel 8
  holdfast conformance websocket --case 6.* --case 7.9 --json report.json
  holdfast conformance websocket --url wss://127.0.0.1:8891/echo --tls-ca ca.pem
  holdfast conformance websocket --bytes --max-bytes 100000`

// conformanceFlags are the flags of "holdfast conformance websocket".
type conformanceFlags struct {
	conformance.Options
	encryption encryption
	bytes      bool
	json       string
}

// newConformanceCommand returns the group of commands that test a protocol.
func newConformanceCommand(p *Program) *cobra.Command {
	cmd := &cobra.Command{
		Use: "conformance", Short: "test a server against the standard of its protocol",
		Long: conformanceLong, Args: subcommandOnly, RunE: showHelp,
		Example: "  holdfast conformance websocket --help",
	}
	cmd.AddCommand(newConformanceWebSocketCommand(p))
	return cmd
}

func newConformanceWebSocketCommand(p *Program) *cobra.Command {
	var o conformanceFlags
	cmd := &cobra.Command{
		Use: "websocket", Short: "test a WebSocket echo endpoint against RFC 6455",
		Long: conformanceWebSocketLong, Example: conformanceWebSocketExample, Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return p.conformance(cmd, &o) },
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.Var(newEndpoint(&o.URL), "url", "`URL` of the echo endpoint; wss:// with TLS")
	o.encryption.add(f)
	f.Var(newCases(&o.Cases), "case", "`number` of a case such as 6.4.1, a section such as 6.4 or a pattern such as 6.*; can be repeated; without it: all cases")
	f.BoolVar(&o.bytes, "bytes", false, "write each byte separately, as a TCP segment of one byte")
	f.Var(newWhole(&o.MaxBytes, 0, 0, math.MaxInt32), "max-bytes", "skip cases that send more bytes; 0: skip no case")
	f.Var(newWhole(&o.Parallel, 4, 1, 1024), "parallel", "connections at a time")
	f.Var(newDuration(&o.Timeout, conformance.DefaultTimeout, brief), "timeout", "longest time in a case without a byte in either direction")
	addReport(f, &o.json)
	return cmd
}

func (p *Program) conformance(cmd *cobra.Command, o *conformanceFlags) error {
	cases, err := conformance.Select(o.Cases)
	if err != nil {
		return err
	}
	if err := outfile.Check(o.json, p.Stdout); err != nil {
		return err
	}
	if o.bytes {
		o.Pieces = 1
	}
	show, leave := p.progressBar("cases")
	done := 0
	o.Report = func(conformance.Result) {
		done++
		show(done, len(cases))
	}
	if o.TLS, err = o.encryption.config(); err != nil {
		return err
	}
	result, err := conformance.Run(cmd.Context(), o.Options)
	leave()
	if errors.Is(err, conformance.ErrHandshake) {
		return fmt.Errorf("%s: %w: is this an echo endpoint? holdfast serve has one with --throwaway --websocket-echo", o.URL, err)
	}
	if errors.Is(err, syscall.ECONNREFUSED) {
		return fmt.Errorf("%s: connection refused: nothing listens there: start the server with \"holdfast serve --throwaway --websocket-echo --listener websocket=127.0.0.1:8891\", or correct --url", o.URL)
	}
	if errors.Is(err, conformance.ErrTLS) {
		return terminal.Advise(fmt.Errorf("%s: %w", o.URL, err))
	}
	if err != nil {
		return fmt.Errorf("%s: %w", o.URL, err)
	}
	fmt.Fprint(p.textBeside(o.json), result)
	if err := p.writeReport(o.json, result); err != nil {
		return err
	}
	if n := result.Count(conformance.Failed); n > 0 {
		return fmt.Errorf("%d of %d cases failed", n, len(result.Results))
	}
	return nil
}

// newCases returns the value of a flag for cases. Each occurrence of the flag adds to them.
func newCases(field *[]string) pflag.Value {
	c := newChecked(field, nil, "strings", func(text string) ([]string, error) {
		patterns := strings.Split(text, ",")
		if _, err := conformance.Select(patterns); err != nil {
			return nil, errors.New("wants a case such as 6.4.1, a section such as 6.4 or a pattern such as 6.*")
		}
		return append(*field, patterns...), nil
	})
	c.show = func(patterns []string) string { return strings.Join(patterns, ",") }
	return c
}

// newEndpoint returns the value of a flag for a WebSocket endpoint.
func newEndpoint(field *string) pflag.Value {
	return newChecked(field, "ws://127.0.0.1:8891/echo", "string", func(text string) (string, error) {
		if conformance.CheckURL(text) != nil {
			return "", errors.New("wants a URL such as ws://127.0.0.1:8891/echo")
		}
		return text, nil
	})
}
