package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"holdfast/cmd/holdfast/config"
	"holdfast/cmd/holdfast/doctor"
	"holdfast/cmd/holdfast/host"
	"holdfast/cmd/holdfast/terminal"
	"holdfast/engine"
)

const doctorLong = `doctor checks the machine before a server runs on it: ports, data folder and disk, the
database of history_url, limits of open files and memory, network settings, clock. For
each it reports whether it is fine, and if not, what to do. It takes the settings of serve
and removes the file that it writes to measure the disk.

"warn" means that something will go wrong or be slow under many connections, "fail"
that the server cannot start or cannot work. The exit code is 1 if a check failed.`

const doctorExample = `  holdfast doctor
  holdfast doctor --data /var/lib/holdfast --listen 0.0.0.0:8888 --max-connections 20000
  holdfast doctor --config serve.json --json`

func newDoctorCommand(p *Program) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "doctor",
		Short:   "check machine, data folder and ports before serve, and say what to fix",
		Long:    doctorLong,
		Example: doctorExample,
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := p.loadConfig(cmd)
			if err != nil {
				return err
			}
			return p.doctor(cmd.Context(), c, asJSON)
		},
	}
	addConfigFlags(cmd)
	addJSON(cmd.Flags(), &asJSON)
	return cmd
}

func (p *Program) doctor(ctx context.Context, c *config.Config, asJSON bool) error {
	report := doctor.Examine(doctor.Gather(ctx, wantedOf(c), "/"))
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err := p.print(doctorReport{report, p.style()}, asJSON); err != nil {
		return err
	}
	if report.Failed > 0 {
		return fmt.Errorf("%d of %d checks failed: %s", report.Failed, len(report.Findings), report.Failures())
	}
	return nil
}

// wantedOf returns the server that the settings describe.
func wantedOf(c *config.Config) doctor.Wanted {
	files, memory := engine.OpenFiles(), host.PlanMemory(c)
	w := doctor.Wanted{
		Listen: c.Listen, Admin: c.Admin, Console: c.Console, Data: c.Data, HistoryURL: c.HistoryURL,
		Connections: c.MaxConnections, EventLoops: host.EventLoops(c), FreeBytes: int64(c.DiskWatermark),
		DemoLogins: c.SeedFile == "", MemoryLimit: memory.LimitBytes, MemoryOrigin: memory.Origin,
		SoftFiles: files.Soft, HardFiles: files.Hard,
	}
	for _, l := range c.Listeners {
		w.Listeners = append(w.Listeners, l.Address)
	}
	s, err := host.LoadSeed(c.SeedFile)
	if err != nil {
		w.SeedError = err
		return w
	}
	w.Seed = s.SHA256
	return w
}

// doctorReport is a report for people.
type doctorReport struct {
	*doctor.Report
	style terminal.Style
}

// String returns a line for each check, and one for what to fix.
func (r doctorReport) String() string {
	t := terminal.NewTable(r.style, "", "", "")
	styles := map[doctor.Status]string{doctor.OK: terminal.Green, doctor.Warn: terminal.Yellow, doctor.Fail: terminal.Red}
	for _, f := range r.Findings {
		t.Add(f.Status.String(), f.Check, terminal.OneLine(f.Text))
		t.Set(0, styles[f.Status])
		if f.Mend != "" {
			t.Add("", "", "-> "+f.Mend)
		}
	}
	return fmt.Sprintf("%s\n  %d ok, %d warned, %d failed\n", t, r.OK, r.Warned, r.Failed)
}
