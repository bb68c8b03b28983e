package bench_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"holdfast/cmd/holdfast/config"
	"holdfast/cmd/holdfast/host"
	"holdfast/perf/bench"
)

func TestMallocsAt(t *testing.T) {
	cases := []struct {
		name   string
		status int
		text   string
		want   uint64
		err    string
	}{
		{"alone", 200, "go_memstats_mallocs_total 42\n", 42, ""},
		{"among metrics", 200, "# TYPE go_memstats_mallocs_total counter\ngo_memstats_mallocs_total 1.5e+07\nother 1\n", 15_000_000, ""},
		{"similar name", 200, "go_memstats_mallocs_total_x 1\n", 0, "no metric go_memstats_mallocs_total"},
		{"nothing", 200, "", 0, "no metric go_memstats_mallocs_total"},
		{"no number", 200, "go_memstats_mallocs_total many\n", 0, `"many"`},
		{"an error page", 500, "go_memstats_mallocs_total 42\n", 0, "500"},
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
			got, err := bench.MallocsAt(strings.TrimPrefix(s.URL, "http://"))(t.Context())
			if got != c.want || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
				t.Errorf("got %d, error %v, want %d and %q", got, err, c.want, c.err)
			}
		})
	}
}

func TestMallocsOfOurServer(t *testing.T) {
	c := config.Default()
	c.Listen, c.Admin, c.Data = "127.0.0.1:0", "127.0.0.1:0", t.TempDir()
	s, err := host.Start(t.Context(), c, host.Options{Carrier: host.Reactor}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	count := bench.MallocsAt(s.Admin)
	first, err := count(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if next, err := count(t.Context()); first == 0 || next <= first || err != nil {
		t.Errorf("%d allocations, then %d, error %v", first, next, err)
	}
	if err := s.Stop(); err != nil {
		t.Error(err)
	}
	if n, err := count(t.Context()); err == nil {
		t.Errorf("%d allocations of a server that has ended", n)
	}
}
