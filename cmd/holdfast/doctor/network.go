package doctor

import (
	"errors"
	"fmt"
	"syscall"

	"holdfast/engine"
)

// checkListen checks the addresses for clients and returns the worst finding.
func checkListen(f *Facts) Finding {
	all := []Finding{checkAddress(f, "listen", f.Listen, f.ListenError)}
	for i, address := range f.Listeners {
		all = append(all, checkAddress(f, "listener", address, f.ListenerErrors[i]))
	}
	if f.Console != "" {
		all = append(all, checkAddress(f, "console", f.Console, f.ConsoleError))
	}
	worst := all[0]
	for _, found := range all[1:] {
		switch {
		case found.Status > worst.Status:
			worst = found
		case found.Status == OK && worst.Status == OK:
			worst = okay("%s; %s", worst.Text, found.Text)
		}
	}
	return worst
}

func checkAddress(f *Facts, key, address string, err error) Finding {
	if err != nil {
		return portTrouble(key, address, err)
	}
	port := portOf(address)
	switch {
	case f.DemoLogins && !loopback(address):
		return warning("create accounts with holdfast seed and set --seed-file, or listen on 127.0.0.1",
			"%s is free, but other machines can reach it, and the accounts have published passwords", address)
	case f.PortFirst > 0 && port >= f.PortFirst && port <= f.PortLast:
		return warning(fmt.Sprintf("choose a port below %d, or sysctl -w net.ipv4.ip_local_reserved_ports=%d", f.PortFirst, port),
			"%s is free, but an outgoing connection may take it while the server is down", address)
	default:
		return okay("%s is free", address)
	}
}

func checkAdmin(f *Facts) Finding {
	switch {
	case f.AdminError != nil:
		return portTrouble("admin", f.Admin, f.AdminError)
	case !loopback(f.Admin):
		return warning("set --admin 127.0.0.1:8889; for access from outside use a proxy that asks for a password",
			"%s is free, but other machines can read metrics and take profiles there", f.Admin)
	default:
		return okay("%s is free", f.Admin)
	}
}

func portTrouble(key, address string, err error) Finding {
	_, socket := engine.SocketPath(address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return failure(fmt.Sprintf("stop the program that listens there (ss -ltnpx), or choose another --%s", key), "%s is in use", address)
	case errors.Is(err, syscall.EACCES) && !socket:
		return failure(fmt.Sprintf("choose a --%s port from 1024 up, or sysctl -w net.ipv4.ip_unprivileged_port_start=0", key), "%s may not be used by this user", address)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return failure(fmt.Sprintf("set --%s to an address of this machine (ip addr)", key), "%s is not an address of this machine", address)
	default:
		return failure(fmt.Sprintf("choose another --%s", key), "%s can't be used: %v", address, err)
	}
}

// enoughBacklog is the kernel's default since 5.4. Connections that arrive at once, such
// as after a restart, wait in this queue for the event loops.
const enoughBacklog = 4096

func checkBacklog(f *Facts) Finding {
	switch {
	case f.Backlog == Unknown:
		return okay("length unknown")
	case f.Backlog < enoughBacklog:
		return warning(fmt.Sprintf("sysctl -w net.core.somaxconn=%d net.ipv4.tcp_max_syn_backlog=%d", enoughBacklog, enoughBacklog),
			"%s connections that arrive at once can wait; more are dropped and retry after a second", grouped(f.Backlog))
	case f.SynBacklog != Unknown && f.SynBacklog < 1024:
		return warning("sysctl -w net.ipv4.tcp_max_syn_backlog=4096", "%s half-open connections can wait; if all clients reconnect at once, some are dropped", grouped(f.SynBacklog))
	default:
		return okay("%s connections, %s half-open", grouped(f.Backlog), orUnknown(f.SynBacklog))
	}
}

func checkPorts(f *Facts) Finding {
	if f.PortFirst == Unknown {
		return okay("range unknown")
	}
	ports := f.PortLast - f.PortFirst + 1
	text := fmt.Sprintf("%s ports for outgoing connections to one address", grouped(ports))
	switch {
	case ports < f.connections()+1000:
		return warning("sysctl -w net.ipv4.ip_local_port_range='16384 60999', or spread clients and load generator over several addresses",
			"%s: too few for %s clients on this machine", text, grouped(f.connections()))
	case f.TimeWait > ports/2:
		return warning("wait a minute, or sysctl -w net.ipv4.tcp_tw_reuse=1", "%s, but %s closed connections wait in TIME_WAIT", text, grouped(f.TimeWait))
	case f.ReuseTimeWait == 0:
		return warning("sysctl -w net.ipv4.tcp_tw_reuse=2", "%s, but the port of a closed connection is not reused for a minute: load that reconnects runs out of ports", text)
	default:
		return okay("%s, %s in TIME_WAIT", text, orUnknown(f.TimeWait))
	}
}

func checkConntrack(f *Facts) Finding {
	switch {
	case f.TrackedMost == Unknown:
		return okay("no connection tracking")
	case f.TrackedMost-max(0, f.Tracked) < 2*f.connections():
		return warning(fmt.Sprintf("sysctl -w net.netfilter.nf_conntrack_max=%d", max(262_144, 2*f.TrackedMost)),
			"the firewall tracks at most %s connections and has %s: it silently drops packets of new ones", grouped(f.TrackedMost), orUnknown(f.Tracked))
	default:
		return okay("%s of at most %s connections", orUnknown(f.Tracked), grouped(f.TrackedMost))
	}
}
