package flame_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/pprof"
	"strings"
	"testing"
	"time"

	"github.com/google/pprof/profile"

	"holdfast/perf/flame"
)

// pprofServer serves the handlers, and real profiles for all other paths.
func pprofServer(t *testing.T, handlers map[string]http.HandlerFunc) (addr string) {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for name, h := range handlers {
			if strings.HasSuffix(r.URL.Path, name) {
				h(w, r)
				return
			}
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://")
}

// The test program profiles itself for a second.
func TestCapture(t *testing.T) {
	c, err := flame.Capture(t.Context(), pprofServer(t, nil), 0)
	if err != nil {
		t.Fatal(err)
	}
	p, err := flame.Parse(c.CPU, flame.Samples)
	if err != nil || p.Seconds <= 0 {
		t.Errorf("CPU profile of %v s: %v", p, err)
	}
	if _, err := flame.Parse(c.Allocs, flame.AllocatedBytes); err != nil {
		t.Error(err)
	}
	if c.Goroutines < 2 {
		t.Errorf("%d goroutines", c.Goroutines)
	}
	checkNoPaths(t, c.CPU)
	checkNoPaths(t, c.Allocs)
}

func checkNoPaths(t *testing.T, data []byte) {
	t.Helper()
	p, err := profile.ParseData(data)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range p.Function {
		if strings.Contains(f.Filename, "/") {
			t.Fatalf("a file is named %s", f.Filename)
		}
	}
	for _, m := range p.Mapping {
		if strings.Contains(m.File, "/") {
			t.Fatalf("a program is named %s", m.File)
		}
	}
}

func TestCaptureFails(t *testing.T) {
	text := func(s string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, s) }
	}
	for name, tc := range map[string]struct {
		handlers map[string]http.HandlerFunc
		want     string
	}{
		"another server":    {map[string]http.HandlerFunc{"heap": http.NotFound}, "404"},
		"profile in use":    {map[string]http.HandlerFunc{"profile": func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "in use", http.StatusInternalServerError) }}, "in use"},
		"no goroutine line": {map[string]http.HandlerFunc{"goroutine": text("<html>")}, "goroutines"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := flame.Capture(t.Context(), pprofServer(t, tc.handlers), time.Second)
			if !errors.Is(err, flame.ErrServer) || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v", err)
			}
		})
	}
	t.Run("heap is no profile", func(t *testing.T) {
		addr := pprofServer(t, map[string]http.HandlerFunc{"heap": text("x"), "profile": text("x")})
		if _, err := flame.Capture(t.Context(), addr, time.Second); !errors.Is(err, flame.ErrProfile) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("nobody there", func(t *testing.T) {
		if _, err := flame.Capture(t.Context(), "127.0.0.1:1", time.Second); !errors.Is(err, flame.ErrServer) {
			t.Errorf("got %v", err)
		}
	})
}

func TestCaptureStops(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	addr := pprofServer(t, map[string]http.HandlerFunc{"profile": func(_ http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	}})
	if _, err := flame.Capture(ctx, addr, time.Hour); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
