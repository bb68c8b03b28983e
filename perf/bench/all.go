package bench

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"holdfast/perf/load"
	"holdfast/perf/report"
)

// Parts lists what Options.Parts may hold: what All does, in this order.
func Parts() []string { return []string{"compare", "response", "flame"} }

// All measures the parts and saves everything in the folder Out. It refuses a folder that
// is not empty, unless Refill is set.
func All(ctx context.Context, o Options) error {
	folder, err := report.OpenFolder(o.Out)
	if err != nil {
		return err
	}
	empty, err := folder.Empty()
	if err != nil {
		return err
	}
	if !empty && !o.Refill {
		return fmt.Errorf("%s is not empty: choose another --out, or use --only to measure parts again", o.Out)
	}
	return start(&o, max(slices.Max(o.Connections), slices.Max(o.Clients)), func(b *bench) error {
		err := b.all(ctx, folder)
		fmt.Fprintf(b.Stdout, "results are in %s\n", filepath.Join(b.Out, "README.md"))
		return err
	})
}

// all measures the parts one after the other.
func (b *bench) all(ctx context.Context, folder report.Folder) error {
	if err := folder.SaveEnvironment(b.Environment(ctx)); err != nil {
		return err
	}
	var compare, response, flames []plan
	var notes []string
	if slices.Contains(b.Parts, "compare") {
		compare, notes = b.comparePlans(ctx)
	}
	if slices.Contains(b.Parts, "response") {
		response = b.responsePlans(ctx)
	}
	if slices.Contains(b.Parts, "flame") {
		flames = b.flamePlans(ctx, FlameWindow)
	}
	b.announce(slices.Concat(compare, response, flames)...)
	if len(compare) > 0 {
		if err := b.compare(ctx, folder, compare, notes); err != nil {
			return err
		}
	}
	for _, p := range response {
		if err := b.response(ctx, folder, p); err != nil {
			return err
		}
	}
	if len(flames) == 0 {
		return nil
	}
	result, err := b.profile(ctx, folder.Flame(), flames)
	if result != nil {
		fmt.Fprint(b.Stdout, result)
	}
	return errors.Join(err, folder.SavePage())
}

// responsePlans returns the plan for orders, or none if Servers excludes all its servers.
func (b *bench) responsePlans(ctx context.Context) []plan {
	names := slices.DeleteFunc(replaced(load.Orders), func(name string) bool { return !b.wants(name) })
	if len(names) == 0 {
		return nil
	}
	return []plan{b.responsePlan(ctx, string(load.Orders), names)}
}
