package process

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// metricsTimeout bounds one reading of the metrics.
const metricsTimeout = 10 * time.Second

// ReadMetrics returns the counters and gauges that a process serves for Prometheus at
// addr (host:port, path /metrics), by name with labels:
// holdfast_closes_total{reason="idle"}.
func ReadMetrics(ctx context.Context, addr string) (map[string]float64, error) {
	ctx, cancel := context.WithTimeout(ctx, metricsTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+"/metrics", http.NoBody)
	if err != nil {
		return nil, err
	}
	transport := &http.Transport{DisableKeepAlives: true} // one connection per reading: none is left open
	response, err := (&http.Client{Transport: transport}).Do(request)
	if err != nil {
		return nil, fmt.Errorf("metrics: %w", err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("metrics: %w", errors.New(response.Status))
	}
	return parseMetrics(response.Body)
}

func parseMetrics(text io.Reader) (map[string]float64, error) {
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(text)
	if err != nil {
		return nil, fmt.Errorf("metrics: %w", err)
	}
	all := make(map[string]float64)
	for name, family := range families {
		for _, m := range family.GetMetric() {
			key := name + labels(m.GetLabel())
			switch {
			case m.Counter != nil:
				all[key] = m.Counter.GetValue()
			case m.Gauge != nil:
				all[key] = m.Gauge.GetValue()
			case m.Untyped != nil:
				all[key] = m.Untyped.GetValue()
			}
		}
	}
	return all, nil
}

func labels(pairs []*dto.LabelPair) string {
	if len(pairs) == 0 {
		return ""
	}
	texts := make([]string, len(pairs))
	for i, pair := range pairs {
		texts[i] = fmt.Sprintf("%s=%q", pair.GetName(), pair.GetValue())
	}
	return "{" + strings.Join(texts, ",") + "}"
}
