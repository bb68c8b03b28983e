package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"holdfast/biz/fserror"
	"holdfast/perf/flame"
	"holdfast/perf/load"
	"holdfast/perf/outfile"
	"holdfast/perf/report"
)

// FlameWindow is how long a server is profiled by default.
const FlameWindow = 20 * time.Second

// Flame profiles this server and the design it replaces under each of Options.Loads, for
// Options.Duration. It writes profiles, flame graphs, shares.json and shares.md to the
// folder Out.
func Flame(ctx context.Context, o Options) error {
	customers := 10_000
	if o.Quick {
		customers = flameQuickConnections
	}
	if _, err := openFlameFolder(o.Out); err != nil {
		return err
	}
	return start(&o, customers, func(b *bench) error {
		plans := slices.DeleteFunc(b.flamePlans(ctx, b.Duration), func(p plan) bool { return !slices.Contains(b.Loads, p.name) })
		b.announce(plans...)
		result, err := b.profile(ctx, b.Out, plans)
		if result != nil {
			fmt.Fprint(b.Stdout, result)
			fmt.Fprintf(b.Stdout, "graphs: %s\n", filepath.Join(b.Out, "*.html"))
		}
		return err
	})
}

// profile runs the plans and writes to the folder out. With an error it still returns the
// results so far. Notes list the servers that failed.
func (b *bench) profile(ctx context.Context, out string, plans []plan) (*flame.Result, error) {
	folder, err := openFlameFolder(out)
	if err != nil {
		return nil, err
	}
	result := new(flame.Result)
	for i, p := range plans {
		fmt.Fprintf(b.Stderr, "holdfast: profiles %d/%d: %s\n", i+1, len(plans), p.Cells[0].Name)
		err = errors.Join(b.profileLoad(ctx, folder, p, result), folder.save(result))
		if err != nil {
			return result, err
		}
	}
	if len(result.Loads) == 0 {
		return result, errors.New("no server could be profiled:\n" + strings.Join(result.Notes, "\n"))
	}
	result.Complete = true
	return result, folder.save(result)
}

// profileLoad runs all servers under a load and adds their profiles to the result.
func (b *bench) profileLoad(ctx context.Context, folder flameFolder, p plan, result *flame.Result) error {
	captured := make(map[string]*flame.Captured)
	p.Progress = b.Stderr
	cell := &p.Cells[0]
	cell.During = func(ctx context.Context, server string) (err error) {
		captured[server], err = flame.Capture(ctx, b.admin, cell.Options.Duration)
		return err
	}
	c, err := load.Compare(ctx, p.Plan)
	if c == nil {
		return err
	}
	if c.Notes != "" && !slices.Contains(result.Notes, c.Notes) {
		result.Notes = append(result.Notes, c.Notes)
	}
	var servers []profiled
	for _, s := range c.Cells[0].Servers {
		b.hideFolders(s.Failures)
		for _, failure := range s.Failures {
			if ctx.Err() != nil {
				break // stopped, not failed
			}
			result.Notes = append(result.Notes, fmt.Sprintf("%s, %s: failed: %s", cell.Name, s.Name, failure))
		}
		if len(s.Reports) > 0 {
			servers = append(servers, profiled{s.Name, captured[s.Name], s.Reports[0]})
		}
	}
	kept, writeErr := folder.saveLoad(p.name, cell.Name, servers)
	if len(kept.Servers) > 0 {
		result.Loads = append(result.Loads, kept)
	}
	return errors.Join(err, writeErr)
}

// flameFolder is the folder for the files.
type flameFolder string

// flameShares is the file that marks a folder as one of ours.
const flameShares = "shares.json"

// openFlameFolder creates the folder. It refuses a folder that holds other files.
func openFlameFolder(dir string) (flameFolder, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fserror.Explain(dir, err)
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
	return outfile.WriteText(filepath.Join(string(f), name), 0o644, nil, text)
}

// save writes the results so far.
func (f flameFolder) save(r *flame.Result) error {
	var page strings.Builder
	page.WriteString("# What the time goes to\n\n")
	page.Write(r.AppendMarkdown(nil))
	return errors.Join(report.WriteJSON(filepath.Join(string(f), flameShares), nil, r), f.write("shares.md", []byte(page.String())))
}
