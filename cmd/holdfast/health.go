package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"holdfast/biz/client"
	"holdfast/cmd/holdfast/config"
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
	var admin string
	var ready, asJSON bool
	cmd := &cobra.Command{
		Use: "health", Short: "ask a running server whether it lives, or takes orders",
		Long: healthLong, Example: healthExample, Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			page := "healthz"
			if ready {
				page = "readyz"
			}
			const variable = config.EnvPrefix + "ADMIN"
			admin = cmp.Or(admin, p.Getenv(variable), config.Default().Admin)
			if err := client.CheckAddress(admin); err != nil || client.IsWebSocket(admin) {
				return &config.Error{Origin: variable, Problem: "wants an address such as " + config.Default().Admin}
			}
			h, err := askHealth(cmd.Context(), admin, page)
			if err != nil {
				return err
			}
			return p.print(h, asJSON)
		},
	}
	cmd.Flags().Var(newOptional(newAddress(&admin, "")), "admin", "admin `host:port` of the server; empty: HOLDFAST_ADMIN, or "+config.Default().Admin)
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
	ctx, cancel := context.WithTimeout(ctx, healthPatience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+admin+"/"+page, http.NoBody)
	if err != nil {
		return health{}, fmt.Errorf("%s: %w", admin, err)
	}
	transport := &http.Transport{DisableKeepAlives: true} // without a proxy of the environment
	response, err := transport.RoundTrip(request)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return health{}, fmt.Errorf("%s: no answer within %s", admin, healthPatience)
	case err != nil:
		return health{}, fmt.Errorf("%s: %w", admin, err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, 4<<10))
	if err != nil {
		return health{}, fmt.Errorf("%s: %w", admin, err)
	}
	answer := terminal.OneLine(strings.TrimSpace(string(text)))
	if response.StatusCode != http.StatusOK {
		return health{}, fmt.Errorf("%s: %s: %s", admin, response.Status, answer)
	}
	return health{admin, answer}, nil
}
