package host

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"holdfast/biz/cluster"
)

// copiesTime is how long the metrics wait for what is known of the copies.
const copiesTime = 2 * time.Second

// clusterCollector reads what a node of a cluster counts of each stream.
type clusterCollector struct {
	counts  func() []cluster.Counts
	copies  func(context.Context) map[string][]cluster.CopyStatus
	metrics []streamMetric

	lag, current *prometheus.Desc
}

type streamMetric struct {
	desc  *prometheus.Desc
	kind  prometheus.ValueType
	value func(*cluster.Counts) float64
}

// newClusterCollector returns the collector of a node. copies returns those of the streams that it leads.
func newClusterCollector(counts func() []cluster.Counts, copies func(context.Context) map[string][]cluster.CopyStatus) *clusterCollector {
	c := &clusterCollector{
		counts: counts, copies: copies,
		lag:     prometheus.NewDesc("holdfast_cluster_copy_lag", "Batches that the copy of the stream at this node lacks; from the node that leads the stream.", []string{"stream", "node"}, nil),
		current: prometheus.NewDesc("holdfast_cluster_copy_current", "1 if the copy of the stream at this node is up to date and the node answers, else 0; from the node that leads the stream.", []string{"stream", "node"}, nil),
	}
	c.add("owner", "1 if this node owns the stream and serves its accounts, else 0.", gauge, func(n *cluster.Counts) float64 { return oneIf(n.Owns) })
	c.add("epoch", "Number of the batch with which the owner of the stream began, as this node knows it; 0 if it knows no owner.", gauge, func(n *cluster.Counts) float64 { return float64(n.Epoch) })
	c.add("take_overs_total", "How often this node has become the owner of the stream.", counter, func(n *cluster.Counts) float64 { return float64(n.TakeOvers) })
	c.add("take_over_seconds", "How long it took this node last time to serve the accounts of the stream, once it led the stream.", gauge, func(n *cluster.Counts) float64 { return n.TakeOver.Seconds() })
	c.add("moves_total", "How often this node has handed the stream over to another one: for a move, a drain, a stop or the balance.", counter, func(n *cluster.Counts) float64 { return float64(n.HandOvers) })
	c.add("sessions", "Sessions of clients with accounts of the stream, at its owner; 0 at other nodes.", gauge, func(n *cluster.Counts) float64 { return float64(n.Sessions) })
	c.add("commits_total", "Group commits to the stream by this node.", counter, func(n *cluster.Counts) float64 { return float64(n.Commits) })
	c.add("records_total", "Events made durable in the stream by this node.", counter, func(n *cluster.Counts) float64 { return float64(n.Records) })
	c.add("appends_repeated_total", "Batches that this node has sent to the stream again, as no answer had come.", counter, func(n *cluster.Counts) float64 { return float64(n.Repeated) })
	c.add("appends_adopted_total", "Batches that were in the stream although no answer had come.", counter, func(n *cluster.Counts) float64 { return float64(n.Adopted) })
	c.add("void_batches_total", "Batches of a former owner that are in the stream after the begin of the next one, and do not count. It must be 0.", counter, func(n *cluster.Counts) float64 { return float64(n.Voids) })
	return c
}

func (c *clusterCollector) add(name, help string, kind prometheus.ValueType, value func(*cluster.Counts) float64) {
	c.metrics = append(c.metrics, streamMetric{prometheus.NewDesc("holdfast_cluster_"+name, help, []string{"stream"}, nil), kind, value})
}

// Describe implements prometheus.Collector.
func (c *clusterCollector) Describe(out chan<- *prometheus.Desc) {
	for _, m := range c.metrics {
		out <- m.desc
	}
	out <- c.lag
	out <- c.current
}

// Collect implements prometheus.Collector.
func (c *clusterCollector) Collect(out chan<- prometheus.Metric) {
	for _, n := range c.counts() {
		for _, m := range c.metrics {
			out <- prometheus.MustNewConstMetric(m.desc, m.kind, m.value(&n), n.Stream)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), copiesTime)
	defer cancel()
	for stream, copies := range c.copies(ctx) {
		for _, k := range copies {
			out <- prometheus.MustNewConstMetric(c.lag, prometheus.GaugeValue, float64(k.Lag), stream, k.Node)
			out <- prometheus.MustNewConstMetric(c.current, prometheus.GaugeValue, oneIf(k.Current), stream, k.Node)
		}
	}
}
