package main

import (
	"context"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"holdfast/perf/load"
	"holdfast/perf/report"
)

// addRuns adds the flags that say how everything is measured.
func (o *benchFlags) addRuns(f *pflag.FlagSet) {
	f.SortFlags = false
	f.IntVar(&o.rounds, "rounds", 3, "rounds of each measurement")
	f.DurationVar(&o.duration, "duration", 2*time.Second, "measured time of each run")
	f.DurationVar(&o.warmup, "warmup", 500*time.Millisecond, "time of each run that is not measured")
	f.BoolVar(&o.quick, "quick", false, "one short round of few connections: does all of it work here?")
}

// addOutput adds the flags that say where results go.
func (o *benchFlags) addOutput(f *pflag.FlagSet) {
	f.StringVar(&o.json, "json", "", "write all figures to this `file`")
	f.StringVar(&o.out, "out", "", "keep figures, tables, charts and a page in this `folder`")
}

// check refuses what can't be measured, and sets what --quick leaves to it.
func (o *benchFlags) check(cmd *cobra.Command) error {
	o.command = commandLine(cmd)
	if o.quick {
		o.makeQuick(cmd.Flags())
	}
	if err := checkNames(cmd, "workloads", o.workloads, benchWorkloadNames()); err != nil {
		return err
	}
	if err := checkNames(cmd, "servers", o.servers, benchServerNames()); err != nil {
		return err
	}
	if err := o.checkNumbers(cmd); err != nil {
		return err
	}
	for _, text := range o.intervalTexts {
		interval, err := load.ParseInterval(text)
		if err != nil {
			return usagef(cmd, "--intervals: %s", err)
		}
		o.intervals = append(o.intervals, interval)
	}
	return nil
}

func (o *benchFlags) checkNumbers(cmd *cobra.Command) error {
	for flag, values := range map[string][]int{
		"rounds": {o.rounds}, "connections": o.connections, "depths": o.depths, "clients": o.clients,
	} {
		if cmd.Flags().Lookup(flag) == nil {
			continue
		}
		if len(values) == 0 || slices.Min(values) < 1 {
			return usagef(cmd, "--%s must be 1 or more", flag)
		}
	}
	if o.duration <= 0 || o.warmup < 0 {
		return usagef(cmd, "--duration must be above 0 and --warmup not below")
	}
	return nil
}

// makeQuick sets what was not set on the command line.
func (o *benchFlags) makeQuick(f *pflag.FlagSet) {
	unset := func(flag string) bool { return !f.Changed(flag) }
	if unset("rounds") {
		o.rounds = 1
	}
	if unset("duration") {
		o.duration = 200 * time.Millisecond
	}
	if unset("warmup") {
		o.warmup = 50 * time.Millisecond
	}
	if unset("connections") {
		o.connections = []int{50}
	}
	if unset("clients") {
		o.clients = []int{10, 50}
	}
	if unset("intervals") {
		o.intervalTexts = []string{"20ms-40ms", "none"}
	}
}

// commandLine is the command as typed, for a page that others read: of files and
// folders only the name.
func commandLine(cmd *cobra.Command) string {
	words := []string{cmd.CommandPath()}
	cmd.Flags().Visit(func(f *pflag.Flag) {
		value := strings.Trim(f.Value.String(), "[]")
		switch {
		case f.Value.Type() == "bool":
			words = append(words, "--"+f.Name)
			return
		case f.Name == "out" || f.Name == "json":
			value = filepath.Base(value)
		}
		words = append(words, "--"+f.Name, value)
	})
	return strings.Join(words, " ")
}

// openFolder opens the folder for results; without --out nothing is kept.
func (o *benchFlags) openFolder() (report.Folder, error) {
	if o.out == "" {
		return report.Folder{}, nil
	}
	return report.OpenFolder(o.out)
}

// environment says where and how this is measured.
func (b *bench) environment(ctx context.Context) report.Environment {
	e := report.ReadEnvironment(b.dir)
	e.Date, e.Command, e.Program = time.Now().UTC().Truncate(time.Second), b.command, readVersion().String()
	if readVersion().revision == "" {
		e.Program += sourceCommit(ctx)
	}
	return e
}

// sourceCommit is for a build that does not know its own commit, as with "go run":
// the one of the source tree that it is run in, "" outside of one.
func sourceCommit(ctx context.Context) string {
	source, err := findPeers()
	if err != nil {
		return ""
	}
	git := func(args ...string) string {
		out, err := exec.CommandContext(ctx, "git", append([]string{"-C", source}, args...)...).Output()
		if err != nil {
			return ""
		}
		return strings.TrimSpace(string(out))
	}
	commit := git("rev-parse", "--short=12", "HEAD")
	if commit == "" {
		return ""
	}
	if git("status", "--porcelain", "--untracked-files=no") != "" {
		commit += ", modified"
	}
	return ", source tree at " + commit
}
