package config_test

import (
	"fmt"

	"github.com/spf13/pflag"

	"holdfast/cmd/holdfast/config"
)

func ExampleLoad() {
	flags := pflag.NewFlagSet("serve", pflag.ContinueOnError)
	config.AddFlags(flags)
	if err := flags.Parse([]string{"--simulate", "100/s"}); err != nil {
		fmt.Println(err)
		return
	}
	c, err := config.Load(config.Sources{Environ: []string{"HOLDFAST_LISTEN=127.0.0.1:9000"}, Flags: flags})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(c.Listen, c.Origin("listen"))
	fmt.Println(c.Simulate, c.Origin("simulate"))
	fmt.Println(c.Admin, c.Origin("admin"))
	// Output:
	// 127.0.0.1:9000 HOLDFAST_LISTEN
	// 100/s --simulate
	// 127.0.0.1:8889 default
}

func ExampleParseRate() {
	rate, err := config.ParseRate("0.5/s")
	fmt.Println(rate, err)
	// Output: 0.5/s <nil>
}
