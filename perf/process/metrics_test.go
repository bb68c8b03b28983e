package process_test

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"holdfast/perf/process"
)

func TestReadMetrics(t *testing.T) {
	cases := []struct {
		name, text string
		status     int
		want       map[string]float64
		err        string
	}{
		{"of all kinds", "# HELP a b\n# TYPE a counter\na 1\nb{x=\"y z\",w=\"v\"} 2.5e3\nb{x=\"q\"} 4\n# TYPE c gauge\nc -3\n", 200,
			map[string]float64{"a": 1, `b{x="y z",w="v"}`: 2500, `b{x="q"}`: 4, "c": -3}, ""},
		{"histograms are left out", "# TYPE h histogram\nh_bucket{le=\"+Inf\"} 1\nh_sum 2\nh_count 1\n# TYPE a counter\na 1\n", 200,
			map[string]float64{"a": 1}, ""},
		{"none", "", 200, map[string]float64{}, ""},
		{"no number", "a many\n", 200, nil, `"many"`},
		{"an error page", "a 1\n", 500, nil, "500"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/metrics" {
					c.status = http.StatusNotFound
				}
				w.WriteHeader(c.status)
				fmt.Fprint(w, c.text)
			}))
			defer s.Close()
			addr := strings.TrimPrefix(s.URL, "http://")
			got, err := process.ReadMetrics(t.Context(), addr)
			if !maps.Equal(got, c.want) || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
				t.Errorf("got %v, error %v", got, err)
			}
			s.Close()
			if got, err := process.ReadMetrics(t.Context(), addr); err == nil {
				t.Errorf("of a process that is gone: %v", got)
			}
		})
	}
}
