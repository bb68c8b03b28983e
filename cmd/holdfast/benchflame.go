package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"holdfast/perf/flame"
	"holdfast/perf/load"
)

const benchFlameLong = `flame profiles this server and the design that it replaces under the same loads,
and shows what their time goes to: flame graphs of CPU and of allocations, the
differences between the two, and the share of each class of work.

A graph is one HTML file that needs no network: click to zoom, Ctrl-F to search.

A sample of a CPU profile is 10 ms of CPU time. A server with 100 thoughtful
clients has few, so it is profiled three times as long.`

const benchFlameExample = `  holdfast bench flame --out flames
  holdfast bench flame --loads orders-full,submit-full --duration 60s
  holdfast bench flame --quick`

// flameWindow is how long a server is profiled, if nothing else is said.
const flameWindow = 20 * time.Second

func newBenchFlameCommand(p *Program) *cobra.Command {
	var o benchFlags
	var loads []string
	names := flameLoadNames()
	cmd := &cobra.Command{
		Use: "flame", Short: "flame graphs of this server and of the design that it replaces",
		Long: benchFlameLong, Example: benchFlameExample, Args: noArgs,
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringSliceVar(&loads, "loads", names, "loads")
	f.DurationVar(&o.duration, "duration", flameWindow, "time of each profile, in whole seconds")
	f.BoolVar(&o.quick, "quick", false, "profiles of a second with few connections: checks that all works")
	f.StringVar(&o.out, "out", "", "`folder` for the files; empty: flame-DATE")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := checkNames(cmd, "loads", loads, names); err != nil {
			return err
		}
		if o.duration < time.Second {
			return usagef(cmd, "--duration %v is below 1s", o.duration)
		}
		if o.out == "" {
			o.out = time.Now().Format("flame-2006-01-02")
		}
		return p.withBench(cmd.Context(), &o, flameCustomers(o.quick), func(ctx context.Context, b *bench) error {
			return b.printFlame(ctx, loads)
		})
	}
	return cmd
}

// flameCustomers is an account for each connection.
func flameCustomers(quick bool) int {
	if quick {
		return flameQuickConnections
	}
	return 10_000
}

// printFlame is the whole of "bench flame".
func (b *bench) printFlame(ctx context.Context, names []string) error {
	loads := b.flameLoads(ctx, b.duration)
	loads = slices.DeleteFunc(loads, func(l flameLoad) bool { return !slices.Contains(names, l.name) })
	var plans []benchPlan
	for _, l := range loads {
		plans = append(plans, benchPlan{l.name, l.plan})
	}
	b.announce(plans)
	result, err := b.profile(ctx, b.out, loads)
	if result != nil {
		fmt.Fprint(b.p.Stdout, result)
		fmt.Fprintf(b.p.Stdout, "graphs: %s\n", filepath.Join(b.out, "*.html"))
	}
	return err
}

// flame measures all loads and writes profiles, flame graphs, shares.json and
// shares.md into the folder out. The result has what was measured also when there
// is an error; a server that failed is in its notes.
func (b *bench) flame(ctx context.Context, out string) (*flame.Result, error) {
	return b.profile(ctx, out, b.flameLoads(ctx, flameWindow))
}

func (b *bench) profile(ctx context.Context, out string, loads []flameLoad) (*flame.Result, error) {
	folder, err := openFlameFolder(out)
	if err != nil {
		return nil, err
	}
	result := new(flame.Result)
	for i, l := range loads {
		fmt.Fprintf(b.p.Stderr, "holdfast: profiles %d/%d: %s\n", i+1, len(loads), l.title)
		err = errors.Join(b.profileLoad(ctx, folder, l, result), folder.save(result))
		if err != nil {
			return result, err
		}
	}
	if len(result.Loads) == 0 {
		return result, errors.New("nothing could be profiled:\n" + strings.Join(result.Notes, "\n"))
	}
	result.Complete = true
	return result, folder.save(result)
}

// profileLoad puts all servers under a load and adds what they did to the result.
func (b *bench) profileLoad(ctx context.Context, folder flameFolder, l flameLoad, result *flame.Result) error {
	captured := make(map[string]*flame.Captured)
	plan := l.plan
	plan.Progress = b.p.Stderr
	plan.Cells = slices.Clone(plan.Cells)
	plan.Cells[0].During = func(ctx context.Context, server string) (err error) {
		captured[server], err = flame.Capture(ctx, b.admin, plan.Cells[0].Options.Duration)
		return err
	}
	c, err := load.Compare(ctx, plan)
	if c == nil {
		return err
	}
	if c.Note != "" && !slices.Contains(result.Notes, c.Note) {
		result.Notes = append(result.Notes, c.Note)
	}
	measured := profiledLoad{flameLoad: l}
	for _, s := range c.Cells[0].Servers {
		b.hideFolders(s.Failures)
		for _, failure := range s.Failures {
			if ctx.Err() != nil {
				break // stopped, not failed
			}
			result.Notes = append(result.Notes, fmt.Sprintf("%s, %s: failed: %s", l.title, s.Name, failure))
		}
		if len(s.Reports) > 0 {
			measured.servers = append(measured.servers, profiledServer{s.Name, captured[s.Name], s.Reports[0]})
		}
	}
	kept, writeErr := folder.saveLoad(measured)
	if len(kept.Servers) > 0 {
		result.Loads = append(result.Loads, kept)
	}
	return errors.Join(err, writeErr)
}

// flameFolder is where the files go.
type flameFolder string

// flameShares is the file by which a folder of ours is known.
const flameShares = "shares.json"

// openFlameFolder makes the folder. One with other things in it is refused.
func openFlameFolder(dir string) (flameFolder, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		return "", err
	}
	isOurs := func(f os.DirEntry) bool { return f.Name() == flameShares }
	if len(files) > 0 && !slices.ContainsFunc(files, isOurs) {
		return "", fmt.Errorf("%s holds other files: choose a new or empty folder with --out", dir)
	}
	return flameFolder(dir), nil
}

func (f flameFolder) write(name string, text []byte) error {
	return os.WriteFile(filepath.Join(string(f), name), text, 0o644)
}

// save writes the tables of what there is so far.
func (f flameFolder) save(r *flame.Result) error {
	var page strings.Builder
	page.WriteString("# What the time goes to\n\n")
	page.Write(r.AppendMarkdown(nil))
	return errors.Join(writeJSON(filepath.Join(string(f), flameShares), r), f.write("shares.md", []byte(page.String())))
}
