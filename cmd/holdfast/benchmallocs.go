package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// mallocsName is the counter of the Prometheus client for Go. Our server has it
// among its metrics; the peers tell nothing else.
const mallocsName = "go_memstats_mallocs_total"

var errNoMallocs = errors.New("it tells no " + mallocsName)

// mallocsAt returns a function that asks the process whose metrics are at addr
// (host:port, /metrics) for the number of heap allocations since its start. Each
// call is a connection of its own and bounded by 5 s.
func mallocsAt(addr string) func(context.Context) (uint64, error) {
	client := &http.Client{
		Transport: &http.Transport{DisableKeepAlives: true},
		Timeout:   5 * time.Second,
	}
	return func(ctx context.Context) (uint64, error) {
		n, err := readMallocs(ctx, client, "http://"+addr+"/metrics")
		if err != nil {
			return 0, fmt.Errorf("heap allocations at %s: %w", addr, err)
		}
		return n, nil
	}
}

func readMallocs(ctx context.Context, client *http.Client, url string) (uint64, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return 0, err
	}
	response, err := client.Do(request)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return 0, errors.New(response.Status)
	}
	lines := bufio.NewScanner(response.Body)
	for lines.Scan() {
		if text, found := strings.CutPrefix(lines.Text(), mallocsName+" "); found {
			n, err := strconv.ParseFloat(text, 64) // Prometheus writes 1.2e+07
			return uint64(n), err
		}
	}
	return 0, errors.Join(errNoMallocs, lines.Err())
}
