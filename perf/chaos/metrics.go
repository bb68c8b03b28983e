package chaos

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// metricsTimeout bounds one look at the metrics.
const metricsTimeout = 10 * time.Second

// Metrics reads what the server counts, by name with labels as the server writes
// it: holdfast_client_connected, holdfast_closes_total{reason="idle"}.
func (s *Server) Metrics(ctx context.Context) (map[string]float64, error) {
	ctx, cancel := context.WithTimeout(ctx, metricsTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.Admin+"/metrics", http.NoBody)
	if err != nil {
		return nil, err
	}
	// A connection of its own each time: nothing is left open.
	transport := &http.Transport{DisableKeepAlives: true}
	response, err := (&http.Client{Transport: transport}).Do(request)
	if err != nil {
		return nil, fmt.Errorf("chaos: metrics: %w", err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, fmt.Errorf("chaos: metrics: %w", err)
	}
	return parseMetrics(body), nil
}

// Metric reads one of them. ErrNoMetric means that there is none of this name.
func (s *Server) Metric(ctx context.Context, name string) (float64, error) {
	all, err := s.Metrics(ctx)
	if err != nil {
		return 0, err
	}
	value, ok := all[name]
	if !ok {
		return 0, fmt.Errorf("%w: %s", ErrNoMetric, name)
	}
	return value, nil
}

// parseMetrics reads the text format of Prometheus: name, labels, blank, value.
func parseMetrics(body []byte) map[string]float64 {
	all := make(map[string]float64)
	for line := range bytes.Lines(body) {
		text := strings.TrimSpace(string(line))
		i := strings.LastIndexByte(text, ' ')
		if strings.HasPrefix(text, "#") || i < 0 {
			continue
		}
		if value, err := strconv.ParseFloat(text[i+1:], 64); err == nil {
			all[text[:i]] = value
		}
	}
	return all
}
