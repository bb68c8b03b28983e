package journal

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// An external journal is a stream on the JetStream servers that Options.URL names. The
// folder then has only mark and lock. Open can't read the files of those servers: it
// checks the numbering, the marked batch and the last batch. Replay and Follow check the
// chain of what they read.

const (
	monitorTimeout = 5 * time.Second
	maxMonitorBody = 4 << 20
	reconnectWait  = 100 * time.Millisecond
	trimmedKey     = "holdfast-trimmed"
)

// startExternal starts an external journal.
func (j *Journal) startExternal(ctx context.Context, o Options, m mark) error {
	if len(blockFiles(o.Dir)) > 0 {
		return fmt.Errorf("%w: %s holds a local journal; with a journal URL, choose another folder", ErrForeign, o.Dir)
	}
	j.dir, j.external = redacted(o.URL), true
	var err error
	if j.readConn, err = dialExternal(o, "holdfast journal reader"); err != nil {
		return err
	}
	info, err := openExternalStream(ctx, j.readConn, o)
	if err != nil {
		return err
	}
	if err := checkServers(ctx, o, serversOf(info, j.readConn)); err != nil {
		return err
	}
	if j.writeConn, err = dialExternal(o, "holdfast journal writer"); err != nil {
		return err
	}
	if err := j.setBase(info.Config); err != nil {
		return err
	}
	if err := j.checkExternal(info.State, m, o.Checked); err != nil {
		return err
	}
	return j.findEnd(ctx, info.State.LastSeq, m, o.Checked)
}

// setBase sets where the journal starts, as the stream's metadata have it.
func (j *Journal) setBase(c jetstream.StreamConfig) error {
	base, err := j.baseIn(c)
	if err == nil {
		j.blocks.set(base, nil)
	}
	return err
}

// baseIn returns the last trimmed batch in a stream's metadata, the zero Point if nothing was trimmed.
func (j *Journal) baseIn(c jetstream.StreamConfig) (base Point, err error) {
	record, trimmed := c.Metadata[trimmedKey]
	if !trimmed {
		return base, nil
	}
	src, _ := hex.DecodeString(record) // parseTrimmed refuses what it returns with an error
	if base, trimmed = parseTrimmed(src); !trimmed {
		return base, &DamageError{Dir: j.dir, What: "metadata " + trimmedKey + ": " + errTrimmedRecord}
	}
	return base, nil
}

// dialExternal connects to external servers. The connection is restored whenever it
// breaks; the publisher sends unanswered batches again.
func dialExternal(o Options, name string) (*nats.Conn, error) {
	nc, err := nats.Connect(o.URL, nats.Name(name), nats.MaxReconnects(-1), nats.ReconnectWait(reconnectWait),
		nats.ReconnectBufSize(-1), logErrors(o.Log, name))
	if errors.Is(err, nats.ErrNoServers) {
		err = fmt.Errorf("%w; start a JetStream server there, or correct the URL", err)
	}
	if err != nil {
		return nil, fmt.Errorf("journal: connect to %s: %w", redacted(o.URL), err)
	}
	if nc.MaxPayload() < MaxBatchBytes+maxStoreBytes {
		nc.Close()
		return nil, fmt.Errorf("%w: %s allows messages of %d bytes, a batch may have %d; raise max_payload there", ErrRefused, redacted(o.URL), nc.MaxPayload(), MaxBatchBytes+maxStoreBytes)
	}
	return nc, nil
}

// recheck checks the stream and its servers again.
func (j *Journal) recheck(o Options) error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*monitorTimeout)
	defer cancel()
	info, err := openExternalStream(ctx, j.readConn, o)
	if err != nil {
		return err
	}
	return checkServers(ctx, o, serversOf(info, j.readConn))
}

// openExternalStream opens the stream, or creates it if it does not exist.
func openExternalStream(ctx context.Context, nc *nats.Conn, o Options) (*jetstream.StreamInfo, error) {
	want := StreamConfig(streamName, subject, o.Replicas)
	info, err := openStream(ctx, nc, want)
	if err != nil {
		return nil, err
	}
	return info, checkConfig(info.Config, want)
}

// checkConfig refuses a stream whose settings could lose batches.
func checkConfig(got, want jetstream.StreamConfig) error {
	var wrong []string
	for name, ok := range map[string]bool{
		"subjects":     slices.Equal(got.Subjects, want.Subjects),
		"storage":      got.Storage == want.Storage,
		"retention":    got.Retention == want.Retention,
		"discard":      got.Discard == want.Discard,
		"max_msgs":     got.MaxMsgs == -1,
		"max_bytes":    got.MaxBytes == -1,
		"max_age":      got.MaxAge == 0,
		"max_msg_size": got.MaxMsgSize == -1,
		"deny_delete":  got.DenyDelete,
		"allow_direct": got.AllowDirect,
		"persist_mode": got.PersistMode == want.PersistMode,
		"num_replicas": got.Replicas >= want.Replicas,
		"sources":      got.Mirror == nil && len(got.Sources) == 0,
	} {
		if !ok {
			wrong = append(wrong, name)
		}
	}
	if len(wrong) == 0 {
		return nil
	}
	slices.Sort(wrong)
	return fmt.Errorf("%w: correct these settings of the stream %s, or use other servers: %s", ErrForeign, want.Name, strings.Join(wrong, ", "))
}

// checkExternal compares the state of the stream with the mark and the checked batch. After a
// crash the stream may still have batches that Trim was about to remove.
func (j *Journal) checkExternal(s jetstream.StreamState, m mark, checked Point) error {
	base := j.blocks.before()
	switch {
	case s.Msgs > 0 && s.FirstSeq > base.Batch+1:
		return &DamageError{Dir: j.dir, Batch: base.Batch + 1, What: fmt.Sprintf("missing, the first batch found is %d", s.FirstSeq)}
	case s.Msgs > 0 && s.Msgs != s.LastSeq-s.FirstSeq+1 || s.Msgs == 0 && s.LastSeq > 0 || s.NumDeleted != 0:
		return &DamageError{Dir: j.dir, What: fmt.Sprintf("the store has %d batches, from number %d to %d", s.Msgs, s.FirstSeq, s.LastSeq)}
	case s.LastSeq < max(m.batch, base.Batch):
		return &DamageError{Dir: j.dir, Batch: s.LastSeq + 1, What: fmt.Sprintf("missing, although batch %d was acknowledged", max(m.batch, base.Batch))}
	case s.LastSeq < checked.Batch:
		return &DamageError{Dir: j.dir, Batch: s.LastSeq + 1, What: fmt.Sprintf("missing, although a checkpoint has batch %d", checked.Batch)}
	case checked.Batch < base.Batch && checked != Point{}:
		return checkedTrimmed(checked, base)
	}
	return nil
}

// findEnd checks the marked and the checked batch, and sets the chain to the end of the last
// batch.
func (j *Journal) findEnd(ctx context.Context, last uint64, m mark, checked Point) error {
	j.chain = chainFrom(j.blocks.before())
	if last == 0 {
		return nil
	}
	good := j.chain // the newest one of which it is sure that it is not void
	r, err := j.newReader()
	if err != nil {
		return err
	}
	defer r.close()
	if m.batch >= j.FirstBatch() {
		marked, err := chainAfter(ctx, r, j.dir, m.batch)
		if err != nil {
			return err
		}
		if marked.crc != m.crc {
			return damageIn(j.dir, m.batch, errors.New("not the batch that was acknowledged"))
		}
		good = marked
	}
	if checked != (Point{}) {
		here := j.chain
		if checked.Batch >= j.FirstBatch() {
			if here, err = chainAfter(ctx, r, j.dir, checked.Batch); err != nil {
				return err
			}
		}
		if here.point() != checked {
			return damageIn(j.dir, checked.Batch, errOtherCheckpoint)
		}
		if here.batch > good.batch {
			good = here
		}
	}
	if j.shared != nil {
		return j.readToEnd(ctx, r, good, last)
	}
	if last >= j.FirstBatch() {
		if j.chain, err = chainAfter(ctx, r, j.dir, last); err != nil {
			return err
		}
	}
	j.tail.advance(last)
	return nil
}

// trimExternal removes the batches up to upTo, but not the last one.
func (j *Journal) trimExternal(ctx context.Context, upTo uint64) error {
	last := j.LastBatch()
	if last == 0 || min(upTo, last-1) < j.FirstBatch() {
		return nil
	}
	p, err := j.Point(ctx, min(upTo, last-1))
	if err != nil {
		return err
	}
	js, err := jetstream.New(j.readConn)
	if err != nil {
		return fmt.Errorf("journal: trim: %w", err)
	}
	stream, err := js.Stream(ctx, j.stream)
	if err != nil {
		return fmt.Errorf("journal: trim: %w", closedOr(err))
	}
	if stream, err = j.writeBase(ctx, stream, p); err != nil {
		return err
	}
	j.blocks.trim(p)
	return purge(ctx, stream, p.Batch+1)
}

// externalState returns the state of the stream, the zero value if the store does not answer.
func (j *Journal) externalState() jetstream.StreamState {
	ctx, cancel := context.WithTimeout(context.Background(), monitorTimeout)
	defer cancel()
	js, err := jetstream.New(j.readConn)
	if err != nil {
		return jetstream.StreamState{}
	}
	stream, err := js.Stream(ctx, j.stream)
	if err != nil {
		return jetstream.StreamState{}
	}
	return stream.CachedInfo().State
}

// externalOlderThan looks for the last batch that is older than t, but not the last one.
func (j *Journal) externalOlderThan(t time.Time) uint64 {
	ctx, cancel := context.WithTimeout(context.Background(), readTimeout)
	defer cancel()
	r, err := j.newReader()
	if err != nil {
		return 0
	}
	defer r.close()
	first, last := j.FirstBatch(), j.LastBatch()
	older := func(number uint64) bool {
		at := int64(0)
		err = errors.Join(err, r.window(ctx, number, number, func(b found) error { at = b.time; return nil }))
		return at > 0 && at < t.UnixNano()
	}
	n := sort.Search(int(last+1-first), func(i int) bool { return !older(first + uint64(i)) })
	if err != nil || n == 0 || last == 0 {
		return 0
	}
	return min(first+uint64(n)-1, last-1)
}

// externalOverSize takes all batches for equally long.
func (j *Journal) externalOverSize(bytes int64) uint64 {
	s := j.externalState()
	if s.Bytes <= uint64(max(bytes, 0)) || s.Msgs < 2 {
		return 0
	}
	drop := uint64(float64(s.Msgs) * (1 - float64(max(bytes, 0))/float64(s.Bytes)))
	return min(s.FirstSeq+drop, s.LastSeq) - 1
}

// serversOf returns the names of the servers that store the stream.
func serversOf(info *jetstream.StreamInfo, nc *nats.Conn) []string {
	if info.Cluster == nil || info.Cluster.Leader == "" {
		return []string{nc.ConnectedServerName()}
	}
	names := []string{info.Cluster.Leader}
	for _, peer := range info.Cluster.Replicas {
		names = append(names, peer.Name)
	}
	return names
}

// checkServers asks the monitoring ports whether each named server calls fsync before it
// acknowledges. It returns ErrLazySync if one does not, or if this is unknown.
func checkServers(ctx context.Context, o Options, names []string) error {
	ctx, cancel := context.WithTimeout(ctx, monitorTimeout)
	defer cancel()
	syncs := make(map[string]bool)
	var unread []error
	for _, base := range o.MonitorURLs {
		name, always, err := askMonitor(ctx, base)
		if err != nil {
			unread = append(unread, err)
			continue
		}
		syncs[name] = always
	}
	for _, name := range names {
		always, found := syncs[name]
		switch {
		case !found:
			return errors.Join(append([]error{fmt.Errorf("%w: no monitoring URL answers for server %q; list the URL of every server", ErrLazySync, name)}, unread...)...)
		case !always:
			return fmt.Errorf("%w: add \"sync_interval: always\" to the jetstream settings of server %q and restart it", ErrLazySync, name)
		}
	}
	return nil
}

// askMonitor returns the name of a server, and whether it calls fsync for every write.
func askMonitor(ctx context.Context, base string) (name string, always bool, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(base, "/")+"/varz", http.NoBody)
	if err != nil {
		return "", false, fmt.Errorf("journal: monitoring: %w", err)
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		return "", false, fmt.Errorf("journal: monitoring: %w", err)
	}
	defer response.Body.Close()
	var varz struct {
		Name      string `json:"server_name"`
		JetStream struct {
			Config *struct {
				SyncAlways bool `json:"sync_always"`
			} `json:"config"`
		} `json:"jetstream"`
	}
	if err := json.NewDecoder(io.LimitReader(response.Body, maxMonitorBody)).Decode(&varz); err != nil {
		return "", false, fmt.Errorf("journal: monitoring: %s: %w", redacted(base), err)
	}
	return varz.Name, varz.JetStream.Config != nil && varz.JetStream.Config.SyncAlways, nil
}

// redacted returns comma-separated URLs without their passwords. A user without a password is a
// token.
func redacted(urls string) string {
	parts := strings.Split(urls, ",")
	for i, part := range parts {
		u, err := url.Parse(strings.TrimSpace(part))
		if err != nil {
			parts[i] = "(not a URL)"
			continue
		}
		if _, both := u.User.Password(); u.User != nil && !both {
			u.User = url.User("xxxxx")
		}
		parts[i] = u.Redacted()
	}
	return strings.Join(parts, ",")
}
