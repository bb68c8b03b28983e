package host

import (
	"context"
	"log/slog"
	"path/filepath"

	"holdfast/biz/cluster"
	"holdfast/biz/desk"
	"holdfast/cmd/holdfast/config"
)

// CopyIntoCluster copies the accounts in the data folder source of a stopped server into a new cluster, as
// the node of c. Errors are those of cluster.Copy, or a *config.Error.
func CopyIntoCluster(ctx context.Context, c *config.Config, source string, progress func(done, total int64), log *slog.Logger) (*cluster.Copied, error) {
	seed, err := LoadSeed(c.SeedFile)
	if err != nil {
		return nil, err
	}
	k, err := storeConfig(c, log)
	if err != nil {
		return nil, err
	}
	return cluster.Copy(ctx, cluster.CopyConfig{
		Node: k, Journal: filepath.Join(source, "journal"), Progress: progress,
		Replica: func(b *desk.Book) (*desk.Replica, error) { return desk.NewReplica(seed, b) },
	})
}

// TakePartInCopy stores what CopyIntoCluster writes at another node, until that is complete.
func TakePartInCopy(ctx context.Context, c *config.Config, log *slog.Logger) error {
	k, err := storeConfig(c, log)
	if err != nil {
		return err
	}
	return cluster.TakePart(ctx, &k)
}
