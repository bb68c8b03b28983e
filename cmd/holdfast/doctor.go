package main

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"holdfast/cmd/holdfast/config"
	"holdfast/cmd/holdfast/doctor"
	"holdfast/engine"
)

const doctorLong = `doctor looks at the machine before a server runs on it: ports, data folder and
disk, limits of open files and memory, network settings, clock. It says of each
whether it is fine, and what to do where it is not. It takes the settings of serve
and changes nothing.

"warn" is what will go wrong or be slow under many connections, "fail" what keeps
the server from starting or from its work. The exit code is 1 when a check failed.`

const doctorExample = `  holdfast doctor
  holdfast doctor --data /var/lib/holdfast --listen 0.0.0.0:8888 --max-connections 20000
  holdfast doctor --config serve.json --json`

func newDoctorCommand(p *Program) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "doctor",
		Short:   "check the machine and say what to mend before serve",
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
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the findings as JSON")
	return cmd
}

func (p *Program) doctor(ctx context.Context, c *config.Config, asJSON bool) error {
	report := doctor.Examine(doctor.Gather(ctx, wantedOf(c), "/"))
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err := p.printReport(report, asJSON); err != nil {
		return err
	}
	if report.Failed > 0 {
		return fmt.Errorf("%d of %d checks failed: %s", report.Failed, len(report.Findings), report.Failures())
	}
	return nil
}

// wantedOf says what server the settings make.
func wantedOf(c *config.Config) doctor.Wanted {
	files, memory := engine.OpenFiles(), findMemory(c.MemoryLimit)
	w := doctor.Wanted{
		Listen: c.Listen, Admin: c.Admin, Data: c.Data,
		Connections: c.MaxConnections, EventLoops: loopsOf(c), FreeBytes: int64(c.DiskWatermark),
		DemoLogins: c.SeedFile == "", MemoryLimit: memory.limitBytes, MemoryOrigin: memory.origin,
		SoftFiles: files.Soft, HardFiles: files.Hard,
	}
	for _, l := range c.Listeners {
		w.Listeners = append(w.Listeners, l.Address)
	}
	s, err := loadSeed(c.SeedFile)
	if err != nil {
		w.SeedError = err
		return w
	}
	w.Seed = s.SHA256
	return w
}

func (p *Program) printReport(r *doctor.Report, asJSON bool) error {
	if asJSON {
		out := json.NewEncoder(p.Stdout)
		out.SetEscapeHTML(false)
		out.SetIndent("", "  ")
		return out.Encode(r)
	}
	t := table{head: []string{"", "", ""}, style: func(style, text string) string { return p.styled(p.Stdout, style, text) }}
	for _, f := range r.Findings {
		t.add(f.Status.String(), f.Check, oneLine(f.Text))
		t.set(0, statusStyle(f.Status))
		if f.Mend != "" {
			t.add("", "", "-> "+f.Mend)
		}
	}
	_, err := fmt.Fprintf(p.Stdout, "%s\n  %d ok, %d to mend, %d failed\n", &t, r.OK, r.Warned, r.Failed)
	return err
}

func statusStyle(s doctor.Status) string {
	switch s {
	case doctor.OK:
		return styleGreen
	case doctor.Warn:
		return styleYellow
	default:
		return styleRed
	}
}
