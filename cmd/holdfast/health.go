package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"holdfast/cmd/holdfast/terminal"
)

const healthLong = `health asks the admin port of a running server and prints the answer in one line. The exit
code is 0 if the server lives, with --ready if it takes orders, and 1 otherwise, with the
reason. It needs no other program, so it suits containers, units and scripts.

The address is --admin, or HOLDFAST_ADMIN as for serve.`

const healthExample = `  holdfast health
  holdfast health --ready --admin 127.0.0.1:9001
  until holdfast health --ready; do sleep 1; done`

// healthPatience is how long the server may take to answer. /readyz itself answers after a
// second if a part of the server does not.
const healthPatience = 3 * time.Second

func newHealthCommand(p *Program) *cobra.Command {
	var admin adminAddress
	var ready, asJSON bool
	cmd := &cobra.Command{
		Use: "health", Short: "ask a running server whether it lives, or takes orders",
		Long: healthLong, Example: healthExample, Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			page := "healthz"
			if ready {
				page = "readyz"
			}
			address, err := admin.resolve(p)
			if err != nil {
				return err
			}
			h, err := askHealth(cmd.Context(), address, page)
			if err != nil {
				return err
			}
			return p.print(h, asJSON)
		},
	}
	admin.add(cmd.Flags())
	cmd.Flags().BoolVar(&ready, "ready", false, "fail also while the server takes no orders")
	addJSON(cmd.Flags(), &asJSON)
	return cmd
}

// health is the result of "holdfast health".
type health struct {
	Admin  string `json:"admin"`
	Answer string `json:"answer"`
}

// String returns the line for people.
func (h health) String() string { return h.Answer + "\n" }

// askHealth returns the answer of a page of the admin port, or an error unless its status is 200.
func askHealth(ctx context.Context, admin, page string) (health, error) {
	text, err := askAdmin(ctx, admin, http.MethodGet, page, healthPatience)
	if err != nil {
		return health{}, err
	}
	return health{admin, terminal.OneLine(strings.TrimSpace(string(text)))}, nil
}

// longestAnswer is how much of an answer of the admin port is read.
const longestAnswer = 1 << 20

// answeredError is an answer of the admin port with another status than 200.
type answeredError struct {
	admin, status, answer string
	code                  int
}

// Error implements error.
func (e *answeredError) Error() string { return e.admin + ": " + e.status + ": " + e.answer }

// askAdmin sends a request without a body to the admin port of a server, and returns the answer. The error
// is a *answeredError if its status is not 200.
func askAdmin(ctx context.Context, admin, method, page string, patience time.Duration) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, "http://"+admin+"/"+page, http.NoBody)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", admin, err)
	}
	transport := &http.Transport{DisableKeepAlives: true} // without a proxy of the environment
	response, err := transport.RoundTrip(request)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return nil, fmt.Errorf("%s: no answer within %s", admin, patience)
	case err != nil:
		return nil, fmt.Errorf("%s: %w", admin, err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, longestAnswer))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", admin, err)
	}
	if response.StatusCode != http.StatusOK {
		answer := terminal.OneLine(strings.TrimSpace(string(text)))
		return nil, &answeredError{admin: admin, status: response.Status, answer: answer, code: response.StatusCode}
	}
	return text, nil
}
