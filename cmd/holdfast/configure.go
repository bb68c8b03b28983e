package main

import (
	"github.com/spf13/cobra"

	"holdfast/cmd/holdfast/config"
)

// configFlag is the flag for the configuration file, configVariable its environment
// variable.
const (
	configFlag     = "config"
	configVariable = config.EnvPrefix + "CONFIG"
)

// addConfigFlags adds a flag for every setting and one for the file.
func addConfigFlags(cmd *cobra.Command) {
	cmd.Flags().String(configFlag, "", "JSON `file` with settings (or "+configVariable+")")
	config.AddFlags(cmd.Flags())
}

// loadConfig returns the configuration of cmd, which has the flags of addConfigFlags.
// An error is a *config.Error and ends the program with the code for usage.
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

// printConfig writes the effective settings to Stdout as a file for --config, and the
// origin of each to Stderr.
func (p *Program) printConfig(c *config.Config) error {
	if err := c.WriteJSON(p.Stdout); err != nil {
		return err
	}
	return c.WriteOrigins(p.Stderr)
}
