package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"holdfast/biz/client"
	"holdfast/biz/cluster"
	"holdfast/cmd/holdfast/config"
	"holdfast/cmd/holdfast/terminal"
	"holdfast/perf/table"
)

const clusterLong = `cluster shows the nodes and streams of a running cluster, and moves the work between its
nodes. A stream is the journal of a part of the accounts; the node that owns it serves
them. All commands but copy ask the admin port of one node, which asks the others: any
node will do. The address is --admin, or HOLDFAST_ADMIN as for serve. Commands other than
status work only on the machine of the node that is asked.

copy brings the accounts of a server on its own into a new cluster.`

const clusterExample = `  holdfast cluster status
  holdfast cluster status --admin 127.0.0.1:9001 --json | jq -r '.streams[] | select(.owner == "").stream'
  holdfast cluster drain n2 --wait
  holdfast cluster undrain n2
  holdfast cluster move HF0 n3`

const clusterStatusLong = `status prints the nodes, and a line for each stream: its owner, the epoch (the number of
the batch with which the owner began), the nodes with a copy and how many batches each
lacks, how many batches the stream has, its size, how often its owner has changed since
the nodes started, and how long the last change took.

Lines below the table say what is wrong. The code is 0 also then.`

const clusterMoveLong = `move makes another node the owner of a stream: the present owner answers the requests
that it has, and the other one takes over. Clients see a pause, and stay connected. It
returns when the present owner has begun.

The cluster gives each stream back to the first node of its order that can take it, some
seconds later. To keep a node free of streams, drain it.`

const clusterDrainLong = `drain makes a node hand over all streams that it owns, and take none until "holdfast
cluster undrain" or its next start. Clients that are connected to the node stay there.
Drain a node before you stop it for longer, or take its machine away.

With --wait it returns when the node owns no stream, and otherwise when the node has
begun. Streams stay as long as no other node can take them: one that has an up-to-date
copy and is not drained.`

// newClusterCommand returns the group of commands for a running cluster.
func newClusterCommand(p *Program) *cobra.Command {
	cmd := &cobra.Command{
		Use: "cluster", Short: "show a running cluster, and move its streams between the nodes",
		Long: clusterLong, Example: clusterExample, Args: subcommandOnly, RunE: showHelp,
	}
	cmd.AddCommand(newClusterStatusCommand(p), newClusterMoveCommand(p), newClusterDrainCommand(p), newClusterUndrainCommand(p), newClusterCopyCommand(p))
	return cmd
}

func newClusterStatusCommand(p *Program) *cobra.Command {
	var admin adminAddress
	var asJSON bool
	cmd := &cobra.Command{
		Use: "status", Short: "print the nodes and streams of a cluster", Args: noArgs, Long: clusterStatusLong,
		Example: `  holdfast cluster status
  holdfast cluster status --admin 127.0.0.1:9001 --json`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			node, err := p.clusterNode(&admin)
			if err != nil {
				return err
			}
			s, err := node.status(cmd.Context())
			if err != nil {
				return err
			}
			if asJSON {
				return p.printJSON(s)
			}
			_, err = fmt.Fprint(p.Stdout, p.statusText(s))
			return err
		},
	}
	admin.add(cmd.Flags())
	addJSON(cmd.Flags(), &asJSON)
	return cmd
}

func newClusterMoveCommand(p *Program) *cobra.Command {
	var admin adminAddress
	cmd := &cobra.Command{
		Use: "move STREAM NODE", Short: "make another node the owner of a stream", Args: exactArgs("STREAM", "NODE"), Long: clusterMoveLong,
		Example: "  holdfast cluster move HF0 n3",
		RunE: func(cmd *cobra.Command, args []string) error {
			node, err := p.clusterNode(&admin)
			if err != nil {
				return err
			}
			if err := node.order(cmd.Context(), "move", url.Values{"stream": {args[0]}, "node": {args[1]}}); err != nil {
				return err
			}
			_, err = fmt.Fprintf(p.Stdout, "%s moves to %s\n", args[0], args[1])
			return err
		},
	}
	admin.add(cmd.Flags())
	return cmd
}

func newClusterDrainCommand(p *Program) *cobra.Command {
	var admin adminAddress
	var wait bool
	cmd := &cobra.Command{
		Use: "drain NODE", Short: "make a node hand over all its streams, and take no others", Args: exactArgs("NODE"), Long: clusterDrainLong,
		Example: `  holdfast cluster drain n2 --wait
  holdfast cluster undrain n2`,
		RunE: func(cmd *cobra.Command, args []string) error {
			node, err := p.clusterNode(&admin)
			if err != nil {
				return err
			}
			if err := node.order(cmd.Context(), "drain", url.Values{"node": {args[0]}}); err != nil {
				return err
			}
			text := "hands its streams over"
			if wait {
				text = "owns no stream"
				if err := p.awaitDrain(cmd.Context(), node, args[0]); err != nil {
					return err
				}
			}
			_, err = fmt.Fprintf(p.Stdout, "%s %s; it takes streams again after \"holdfast cluster undrain %s\" or a restart\n", args[0], text, args[0])
			return err
		},
	}
	admin.add(cmd.Flags())
	cmd.Flags().BoolVar(&wait, "wait", false, "return when the node owns no stream")
	return cmd
}

func newClusterUndrainCommand(p *Program) *cobra.Command {
	var admin adminAddress
	cmd := &cobra.Command{
		Use: "undrain NODE", Short: "let a node that was drained take streams again", Args: exactArgs("NODE"),
		Long: `undrain ends what "holdfast cluster drain" began. The cluster gives the node its streams back, one
after the other, some seconds later.`,
		Example: "  holdfast cluster undrain n2",
		RunE: func(cmd *cobra.Command, args []string) error {
			node, err := p.clusterNode(&admin)
			if err != nil {
				return err
			}
			if err := node.order(cmd.Context(), "undrain", url.Values{"node": {args[0]}}); err != nil {
				return err
			}
			_, err = fmt.Fprintf(p.Stdout, "%s takes streams again\n", args[0])
			return err
		},
	}
	admin.add(cmd.Flags())
	return cmd
}

// adminAddress is the flag of commands that ask the admin port of a running server.
type adminAddress struct{ text string }

func (a *adminAddress) add(f *pflag.FlagSet) {
	f.Var(newOptional(newAddress(&a.text, "")), "admin", "admin `host:port` of the server; empty: HOLDFAST_ADMIN, or "+config.Default().Admin)
}

// resolve returns the address of the flag or the environment, or the default one.
func (a *adminAddress) resolve(p *Program) (string, error) {
	const variable = config.EnvPrefix + "ADMIN"
	admin := cmp.Or(a.text, p.Getenv(variable), config.Default().Admin)
	if err := client.CheckAddress(admin); err != nil || client.IsWebSocket(admin) {
		return "", &config.Error{Origin: variable, Problem: "wants an address such as " + config.Default().Admin}
	}
	return admin, nil
}

// clusterNode is the admin port of a node.
type clusterNode struct{ admin string }

func (p *Program) clusterNode(a *adminAddress) (clusterNode, error) {
	admin, err := a.resolve(p)
	return clusterNode{admin}, err
}

// clusterPatience is how long a node may take: it asks others, which take up to 5 s.
const clusterPatience = 15 * time.Second

// status returns what the node says of the cluster.
func (n clusterNode) status(ctx context.Context) (cluster.Status, error) {
	var s cluster.Status
	text, err := n.ask(ctx, http.MethodGet, "cluster")
	if err != nil {
		return s, err
	}
	if err := json.Unmarshal(text, &s); err != nil {
		return s, fmt.Errorf("%s: the answer can't be read; use the holdfast of the node's release: %w", n.admin, err)
	}
	return s, nil
}

// order makes the node do something.
func (n clusterNode) order(ctx context.Context, what string, values url.Values) error {
	_, err := n.ask(ctx, http.MethodPost, "cluster/"+what+"?"+values.Encode())
	return err
}

func (n clusterNode) ask(ctx context.Context, method, page string) ([]byte, error) {
	text, err := askAdmin(ctx, n.admin, method, page, clusterPatience)
	var refused *answeredError
	if !errors.As(err, &refused) {
		return text, err
	}
	switch refused.code {
	case http.StatusNotFound:
		return nil, fmt.Errorf("%s: that is a server on its own; give the admin address of a node of a cluster with --admin", n.admin)
	case http.StatusForbidden:
		return nil, fmt.Errorf("%s: a node obeys only on its own machine: run this command there, with the node's admin port on loopback", n.admin)
	default:
		return nil, fmt.Errorf("%s: %s", n.admin, refused.answer)
	}
}

// drainPoll is the time between two looks whether a node still owns streams.
const drainPoll = 200 * time.Millisecond

// awaitDrain returns when a node owns and leads no stream.
func (p *Program) awaitDrain(ctx context.Context, n clusterNode, node string) error {
	show, leave := p.progressBar("streams handed over")
	defer leave()
	first := 0
	for {
		s, err := n.status(ctx)
		if err != nil {
			return err
		}
		left := 0
		for i := range s.Streams {
			if s.Streams[i].Owner == node || s.Streams[i].Leader == node {
				left++
			}
		}
		if left == 0 {
			return nil
		}
		first = max(first, left)
		show(first-left, first)
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(drainPoll):
		}
	}
}

// statusText returns the status of a cluster for people.
func (p *Program) statusText(s cluster.Status) string {
	var nodes, wrong []string
	for _, n := range s.Nodes {
		switch {
		case !n.Answers:
			nodes = append(nodes, n.Node+" (does not answer)")
			wrong = append(wrong, "node "+n.Node+" does not answer: see whether it runs, and its log")
		case n.Drained:
			nodes = append(nodes, n.Node+" (drained)")
		default:
			nodes = append(nodes, n.Node)
		}
	}
	t := p.table([]int{6, 7, 5}, "stream", "owner", ">epoch", "copies", ">batches", ">size", ">take-overs", ">took")
	for i := range s.Streams {
		k := &s.Streams[i]
		took := "-"
		if k.TakeOver > 0 {
			took = k.TakeOver.Round(time.Millisecond).String()
		}
		t.Add(k.Stream, cmp.Or(k.Owner, "none"), fmt.Sprint(k.Epoch), copiesText(k.Copies), fmt.Sprint(k.Batches),
			table.Mebibytes(float64(k.Bytes)), fmt.Sprint(k.TakeOvers), took)
		if k.Owner == "" {
			t.Set(1, terminal.Red)
		}
		wrong = append(wrong, troublesOf(s.Node, k)...)
	}
	var text strings.Builder
	text.WriteString("nodes: " + strings.Join(nodes, ", ") + "\n" + t.String())
	for _, w := range wrong {
		text.WriteString(p.style()(terminal.Red, table.Escape(w)) + "\n")
	}
	return text.String()
}

// copiesText returns a word for each copy: the node, and what the copy lacks.
func copiesText(copies []cluster.CopyStatus) string {
	words := make([]string, 0, len(copies))
	for _, c := range copies {
		word := c.Node
		if c.Lag > 0 {
			word += fmt.Sprintf("-%d", c.Lag)
		}
		if !c.Current {
			word += "!"
		}
		words = append(words, word)
	}
	return cmp.Or(strings.Join(words, " "), "-")
}

// troublesOf returns what is wrong with a stream. asked is the node that has said it.
func troublesOf(asked string, s *cluster.StreamStatus) (list []string) {
	add := func(format string, args ...any) { list = append(list, s.Stream+": "+fmt.Sprintf(format, args...)) }
	switch {
	case s.Owner == "" && s.Leader == "":
		add("no node leads it: two of the nodes that store it must run and reach each other")
	case s.Owner == "":
		add("%s takes over", s.Leader)
	}
	for _, c := range s.Copies {
		if !c.Current && s.Leader != "" {
			add("the copy of %s is not up to date (!): the node is down, starts, or is slow", c.Node)
		}
	}
	if s.Voids > 0 {
		add("%d void batches: two nodes have written at the same time. Keep the data folders and report it", s.Voids)
	}
	if s.Trouble != "" {
		add("the last end at %s: %s", asked, s.Trouble)
	}
	return list
}
