package main

import (
	"github.com/spf13/cobra"

	"holdfast/cmd/holdfast/config"
)

// configFlag names the flag with the configuration file; configVariable is the
// environment variable for it.
const (
	configFlag     = "config"
	configVariable = config.EnvPrefix + "CONFIG"
)

// addConfigFlags gives cmd a flag for every setting and one for the file.
func addConfigFlags(cmd *cobra.Command) {
	cmd.Flags().String(configFlag, "", "JSON `file` with settings (or "+configVariable+")")
	config.AddFlags(cmd.Flags())
}

// loadConfig gives the configuration of cmd, whose flags addConfigFlags made.
// Errors are *config.Error and end the program with the code for usage.
func (p *Program) loadConfig(cmd *cobra.Command) (*config.Config, error) {
	file, err := cmd.Flags().GetString(configFlag)
	if err != nil {
		return nil, err
	}
	if file == "" {
		file = p.Getenv(configVariable)
	}
	return config.Load(config.Sources{File: file, Environ: p.Environ, Flags: cmd.Flags()})
}

// printConfig writes the effective settings to Stdout as a file that --config
// reads, and where each came from to Stderr.
func (p *Program) printConfig(c *config.Config) error {
	if err := c.WriteJSON(p.Stdout); err != nil {
		return err
	}
	return c.WriteOrigins(p.Stderr)
}
