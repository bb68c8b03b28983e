package journal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// A journal outside of this process is a stream of JetStream servers that Options.URL
// names. Only mark and lock are in the folder then. Nothing reads the files of those
// servers: what Open checks is the numbering, the marked batch and the last one;
// Replay, Follow and Verify check the chain of what they read.

const (
	monitorTimeout = 5 * time.Second
	maxMonitorBody = 4 << 20
	reconnectWait  = 100 * time.Millisecond
)

// startExternal is start for a journal outside.
func (j *Journal) startExternal(ctx context.Context, o Options, m mark) error {
	if len(blockFiles(o.Dir)) > 0 {
		return fmt.Errorf("%w: %s holds an embedded journal", ErrForeign, o.Dir)
	}
	j.dir = redacted(o.URL)
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
	if err := j.checkExternal(info.State, m); err != nil {
		return err
	}
	return j.findEnd(ctx, info.State.LastSeq, m)
}

// dialExternal connects and stays connected: what is lost meanwhile is sent again.
func dialExternal(o Options, name string) (*nats.Conn, error) {
	nc, err := nats.Connect(o.URL, nats.Name(name), nats.MaxReconnects(-1), nats.ReconnectWait(reconnectWait),
		nats.ReconnectBufSize(-1),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			o.Log.Error("journal connection", "name", name, "error", err)
		}))
	if errors.Is(err, nats.ErrNoServers) {
		err = fmt.Errorf("%w; start a JetStream server there, or name another", err)
	}
	if err != nil {
		return nil, fmt.Errorf("journal: connect to %s: %w", redacted(o.URL), err)
	}
	if nc.MaxPayload() < MaxBatchBytes+maxStoreBytes {
		nc.Close()
		return nil, fmt.Errorf("%w: %s takes messages of %d bytes, a batch may have %d", ErrRefused, redacted(o.URL), nc.MaxPayload(), MaxBatchBytes+maxStoreBytes)
	}
	return nc, nil
}

// recheck asks the servers of the stream again.
func (j *Journal) recheck(o Options) error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*monitorTimeout)
	defer cancel()
	info, err := openExternalStream(ctx, j.readConn, o)
	if err != nil {
		return err
	}
	return checkServers(ctx, o, serversOf(info, j.readConn))
}

// openExternalStream opens the stream, or makes it if there is none.
func openExternalStream(ctx context.Context, nc *nats.Conn, o Options) (*jetstream.StreamInfo, error) {
	js, err := jetstream.New(nc)
	if err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	want := streamConfig()
	want.Replicas = o.Replicas
	st, err := js.Stream(ctx, streamName)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		st, err = js.CreateStream(ctx, want)
	}
	if err != nil {
		return nil, fmt.Errorf("journal: stream: %w", err)
	}
	info := st.CachedInfo()
	return info, checkConfig(info.Config, want)
}

// checkConfig refuses a stream that could lose batches.
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
	return fmt.Errorf("%w: the stream %s has other settings: %s", ErrForeign, streamName, strings.Join(wrong, ", "))
}

// checkExternal compares what the servers say of the stream with the mark.
func (j *Journal) checkExternal(s jetstream.StreamState, m mark) error {
	switch {
	case s.Msgs != s.LastSeq || s.NumDeleted != 0:
		return &DamageError{Dir: j.dir, What: fmt.Sprintf("the store serves %d batches and ends with %d", s.Msgs, s.LastSeq)}
	case s.LastSeq < m.batch:
		return &DamageError{Dir: j.dir, Batch: s.LastSeq + 1, What: fmt.Sprintf("missing, batch %d was acknowledged", m.batch)}
	}
	return nil
}

// findEnd reads the marked batch and the last one, and sets where the chain goes on.
func (j *Journal) findEnd(ctx context.Context, last uint64, m mark) error {
	j.chain = startOfChain()
	if last == 0 {
		return nil
	}
	r, err := newReader(j.readConn, j.quit)
	if err != nil {
		return err
	}
	defer r.close()
	if m.batch > 0 {
		marked, err := chainBehind(ctx, r, j.dir, m.batch)
		if err != nil {
			return err
		}
		if marked.crc != m.crc {
			return damageIn(j.dir, m.batch, errors.New("not the batch that was acknowledged"))
		}
	}
	if j.chain, err = chainBehind(ctx, r, j.dir, last); err != nil {
		return err
	}
	j.tail.advance(last)
	return nil
}

// serversOf names the servers that keep the stream.
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

// checkServers asks the monitoring ports whether each of the named servers calls
// fsync before it acknowledges. ErrLazySync if one does not, or if it is not known.
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
		always, known := syncs[name]
		switch {
		case !known:
			return errors.Join(append([]error{fmt.Errorf("%w: no monitoring port tells whether server %q does", ErrLazySync, name)}, unread...)...)
		case !always:
			return fmt.Errorf("%w: server %q lacks \"sync_interval: always\" in its jetstream settings", ErrLazySync, name)
		}
	}
	return nil
}

// askMonitor reads the name of a server and whether it syncs always.
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

// redacted is a URL, or several with commas between them, without passwords.
func redacted(urls string) string {
	parts := strings.Split(urls, ",")
	for i, part := range parts {
		if u, err := url.Parse(strings.TrimSpace(part)); err == nil {
			parts[i] = u.Redacted()
		} else {
			parts[i] = "(not a URL)"
		}
	}
	return strings.Join(parts, ",")
}
