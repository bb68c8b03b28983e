package flame

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"time"
)

// maxProfile is the most bytes read from a pprof port.
const maxProfile = 64 << 20

// answerTimeout is how long a loaded server may take in addition to the time of a
// profile.
const answerTimeout = time.Minute

// Captured holds the profiles from a server's pprof port.
type Captured struct {
	// CPU is a CPU profile.
	CPU []byte
	// Allocs is an allocation profile of the same time, and of a moment before and after.
	// The server collects garbage at both ends, so that it is complete.
	Allocs []byte
	// Goroutines is their number when the CPU profile started.
	Goroutines int
}

// Capture profiles the server with net/http/pprof at addr (host:port) for the window,
// rounded down to whole seconds, at least 1.
func Capture(ctx context.Context, addr string, window time.Duration) (*Captured, error) {
	window = max(time.Second, window.Truncate(time.Second))
	ctx, cancel := context.WithTimeout(ctx, window+answerTimeout)
	defer cancel()
	transport := &http.Transport{DisableKeepAlives: true}
	defer transport.CloseIdleConnections()
	port := pprofPort{client: http.Client{Transport: transport}, addr: addr}
	const heap = "heap?gc=1" // also has all allocations since the start
	before, err := port.get(ctx, heap)
	if err != nil {
		return nil, err
	}
	c := new(Captured)
	if c.Goroutines, err = port.goroutines(ctx); err != nil {
		return nil, err
	}
	if c.CPU, err = port.get(ctx, fmt.Sprintf("profile?seconds=%d", int(window.Seconds()))); err != nil {
		return nil, err
	}
	after, err := port.get(ctx, heap)
	if err != nil {
		return nil, err
	}
	if c.Allocs, err = Since(before, after); err != nil {
		return nil, err
	}
	return c, c.hidePaths()
}

func (c *Captured) hidePaths() (err error) {
	if c.CPU, err = WithoutPaths(c.CPU); err != nil {
		return err
	}
	c.Allocs, err = WithoutPaths(c.Allocs)
	return err
}

// pprofPort is an HTTP port with net/http/pprof.
type pprofPort struct {
	client http.Client
	addr   string
}

func (p *pprofPort) get(ctx context.Context, what string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.addr+"/debug/pprof/"+what, nil)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrServer, err)
	}
	response, err := p.client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrServer, err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxProfile+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: %s: %w", ErrServer, what, err)
	case response.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("%w: %s: %s: %.200s", ErrServer, what, response.Status, bytes.TrimSpace(body))
	case len(body) > maxProfile:
		return nil, fmt.Errorf("%w: %s: more than %d bytes", ErrServer, what, maxProfile)
	}
	return body, nil
}

// goroutines reads the first line of the goroutine profile as text, "goroutine profile:
// total 42".
func (p *pprofPort) goroutines(ctx context.Context) (n int, err error) {
	text, err := p.get(ctx, "goroutine?debug=1")
	if err != nil {
		return 0, err
	}
	if _, err := fmt.Sscanf(string(text), "goroutine profile: total %d", &n); err != nil {
		return 0, fmt.Errorf("%w: %.60q does not start with the number of goroutines", ErrServer, text)
	}
	return n, nil
}
