package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"

	"github.com/spf13/cobra"

	"holdfast/biz/cluster"
	"holdfast/biz/journal"
	"holdfast/cmd/holdfast/config"
	"holdfast/cmd/holdfast/host"
)

const clusterCopyLong = `copy brings the accounts of a server on its own into a new cluster, with all their orders
and executions, and the message numbers of FIX sessions. Stop the server, and run copy on all nodes
with their settings, in empty data folders: on one of them with --source, the data folder
of the server, on the others without it. These end when the copy is complete. Then start the
nodes with serve. Use the seed file of the server. The source folder stays as it is.

At the end it compares the accounts in the streams with those in the source folder. No
node serves a copy that is not complete. After an interruption (Ctrl-C) run it again.

A journal that was trimmed (journal_keep) can't be copied. Clients go on where they were:
the cluster has the server's history.`

const clusterCopyExample = `  holdfast cluster copy --config n1.json --seed-file seed.json --source /srv/holdfast
  holdfast cluster copy --config n2.json
  holdfast cluster copy --config n3.json`

func newClusterCopyCommand(p *Program) *cobra.Command {
	var source string
	var asJSON bool
	cmd := &cobra.Command{
		Use: "copy", Short: "bring the accounts of a stopped server into a new cluster", Args: noArgs,
		Long: clusterCopyLong, Example: clusterCopyExample,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := p.loadConfig(cmd)
			if err != nil {
				return err
			}
			if c.Cluster.Node == "" {
				return usagef(cmd, "copy runs on the nodes of a cluster: set --cluster-node, --cluster-listen and --cluster-peer, or give a file with them with --config")
			}
			log := slog.New(slog.DiscardHandler) // until the other nodes are there, it would be full of errors
			if c.LogLevel == slog.LevelDebug {
				log = newLogger(p.Stderr, c.LogLevel)
			}
			if source == "" {
				return p.takePartInCopy(cmd.Context(), c, log)
			}
			return p.copyIntoCluster(cmd.Context(), c, source, asJSON, log)
		},
	}
	addConfigFlags(cmd)
	cmd.Flags().Var(newFolder(&source, ""), "source", "data `folder` of the stopped server; without it this node only stores what another one copies")
	addJSON(cmd.Flags(), &asJSON)
	return cmd
}

// clusterCopied is the result of "holdfast cluster copy".
type clusterCopied struct {
	*cluster.Copied
	State string `json:"state_sha256"`
}

// String returns the text for people.
func (c clusterCopied) String() string {
	return fmt.Sprintf("copied %d records into %d streams, with %d events of accounts\nstate of all accounts (SHA-256): %s, the same in both\nstart the nodes with \"holdfast serve\"\n",
		c.Records, c.Streams, c.Events, c.State)
}

func (p *Program) copyIntoCluster(ctx context.Context, c *config.Config, source string, asJSON bool, log *slog.Logger) error {
	fmt.Fprintln(p.Stderr, "holdfast: the copy starts when all other nodes run \"holdfast cluster copy\", too, without --source")
	show, leave := p.progressBar("KiB")
	found, err := host.CopyIntoCluster(ctx, c, source, func(done, total int64) { show(int(done>>10), int(max(total>>10, 1))) }, log)
	leave()
	switch {
	case errors.Is(err, journal.ErrLocked):
		return fmt.Errorf("%w: a server has it open; stop the server first", err)
	case errors.Is(err, journal.ErrNoJournal):
		return fmt.Errorf("%w: set --source to the data folder of the server", err)
	case err != nil:
		return err
	}
	return p.print(clusterCopied{found, hex.EncodeToString(found.StateHash[:])}, asJSON)
}

func (p *Program) takePartInCopy(ctx context.Context, c *config.Config, log *slog.Logger) error {
	fmt.Fprintf(p.Stderr, "holdfast: %s stores what another node copies; this ends when the copy is complete\n", c.Cluster.Node)
	if err := host.TakePartInCopy(ctx, c, log); err != nil {
		return err
	}
	_, err := fmt.Fprintf(p.Stdout, "the copy is complete; start %s with \"holdfast serve\"\n", c.Cluster.Node)
	return err
}
