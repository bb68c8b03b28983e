package config

import (
	"net"
	"net/netip"
)

// checkTLS returns an error if a listener speaks TLS without a certificate, or the other way round.
func (c *Config) checkTLS() error {
	encrypted := ""
	if c.ListenTLS {
		encrypted = "listen"
	}
	if c.ConsoleTLS {
		encrypted = "console"
	}
	for i, l := range c.Listeners {
		if l.TLS {
			encrypted = entryKey("listeners", i)
		}
	}
	needs := func(key, what, other string) error {
		return mistake(c.Origin(key), "%s needs %s: set %s", c.describe(key), what, other)
	}
	switch {
	case encrypted != "" && c.TLSCert == "":
		return needs(encrypted, "a certificate", "tls_cert")
	case c.TLSCert != "" && c.TLSKey == "":
		return needs("tls_cert", "its private key", "tls_key")
	case c.TLSKey != "" && c.TLSCert == "":
		return needs("tls_key", "its certificate", "tls_cert")
	case c.TLSClientCA != "" && c.TLSCert == "":
		return needs("tls_client_ca", "a certificate of the server", "tls_cert")
	case c.TLSCert != "" && encrypted == "":
		return mistake(c.Origin("tls_cert"), "%s is used by no listener: add the option tls to one, such as --listen 127.0.0.1:8888,tls", c.describe("tls_cert"))
	}
	return nil
}

// CheckExposed returns an error for an address that other machines can reach and that does not
// encrypt, unless AllowPlaintext says that this is meant.
func (c *Config) CheckExposed() error {
	exposed := c.Exposed()
	if c.AllowPlaintext || len(exposed) == 0 {
		return nil
	}
	key, change := exposed[0], "add the option tls (such as --listen "+c.Listen+",tls) with a certificate"
	switch key {
	case "admin":
		change = "set a loopback address, such as 127.0.0.1:8889"
	case "console":
		change = "add the option tls (such as --console " + c.Console + ",tls) with a certificate"
	case "cluster.listen":
		change = "set cluster.tls_cert, cluster.tls_key and cluster.tls_ca"
	}
	return mistake(c.Origin(key), "%s can be reached from other machines and does not encrypt: %s, or allow that with allow_plaintext (--allow-plaintext)", c.describe(key), change)
}

// Exposed returns the settings with an address that other machines can reach and that does not
// encrypt: listen, admin, console, listeners[0]...
func (c *Config) Exposed() []string {
	var keys []string
	if !c.ListenTLS && public(c.Listen) {
		keys = append(keys, "listen")
	}
	if public(c.Admin) {
		keys = append(keys, "admin")
	}
	if c.Console != "" && !c.ConsoleTLS && public(c.Console) {
		keys = append(keys, "console")
	}
	if c.Cluster.Listen != "" && c.Cluster.TLSCert == "" && public(c.Cluster.Listen) {
		keys = append(keys, "cluster.listen")
	}
	for i, l := range c.Listeners {
		if !l.TLS && public(l.Address) {
			keys = append(keys, entryKey("listeners", i))
		}
	}
	return keys
}

// public reports whether an address is neither on the loopback interface nor a socket file.
func public(address string) bool {
	if _, socket := socketPath(address); socket {
		return false
	}
	host, _, _ := net.SplitHostPort(address)
	ip, err := netip.ParseAddr(host)
	return host != "localhost" && (err != nil || !ip.Unmap().IsLoopback())
}
