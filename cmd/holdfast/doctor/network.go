package doctor

import (
	"errors"
	"fmt"
	"syscall"
)

// checkListen looks at the addresses for clients and returns the worst that it finds.
func checkListen(f *Facts) Finding {
	worst := checkAddress(f, "listen", f.Listen, f.ListenError)
	for i, address := range f.Listeners {
		found := checkAddress(f, "listener", address, f.ListenerErrors[i])
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
		return warn("make accounts of your own with holdfast seed and give --seed-file, or listen on 127.0.0.1",
			"%s is free, and other machines reach it while the accounts have published passwords", address)
	case f.PortFirst > 0 && port >= f.PortFirst && port <= f.PortLast:
		return warn(fmt.Sprintf("choose a port below %d, or sysctl -w net.ipv4.ip_local_reserved_ports=%d", f.PortFirst, port),
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
		return warn("give --admin 127.0.0.1:8889 and let a proxy that asks for a password reach it",
			"%s is free, and other machines reach metrics and profiles there", f.Admin)
	default:
		return okay("%s is free", f.Admin)
	}
}

func portTrouble(key, address string, err error) Finding {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fail(fmt.Sprintf("stop the program that listens there (ss -ltnp), or choose another --%s", key), "%s is in use", address)
	case errors.Is(err, syscall.EACCES):
		return fail(fmt.Sprintf("choose a --%s port from 1024 up, or sysctl -w net.ipv4.ip_unprivileged_port_start=0", key), "%s may not be used by this user", address)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fail(fmt.Sprintf("give --%s an address of this machine (ip addr)", key), "%s is no address of this machine", address)
	default:
		return fail(fmt.Sprintf("choose another --%s", key), "%s can't be had: %v", address, err)
	}
}

// enoughBacklog is what the kernel has had by itself since 5.4: connections that
// come at once, such as after a restart, wait there for the event loops.
const enoughBacklog = 4096

func checkBacklog(f *Facts) Finding {
	switch {
	case f.Backlog == Unknown:
		return okay("length unknown")
	case f.Backlog < enoughBacklog:
		return warn(fmt.Sprintf("sysctl -w net.core.somaxconn=%d net.ipv4.tcp_max_syn_backlog=%d", enoughBacklog, enoughBacklog),
			"%s connections that come at once wait for the server; the next ones are dropped and try again after a second", grouped(f.Backlog))
	case f.SynBacklog != Unknown && f.SynBacklog < 1024:
		return warn("sysctl -w net.ipv4.tcp_max_syn_backlog=4096", "%s half-open connections are kept; a reconnect of everybody drops some", grouped(f.SynBacklog))
	default:
		return okay("%s connections, %s half-open ones", grouped(f.Backlog), orUnknown(f.SynBacklog))
	}
}

func checkPorts(f *Facts) Finding {
	if f.PortFirst == Unknown {
		return okay("range unknown")
	}
	ports := f.PortLast - f.PortFirst + 1
	text := fmt.Sprintf("%s for outgoing connections to one address", grouped(ports))
	switch {
	case ports < f.connections()+1000:
		return warn("sysctl -w net.ipv4.ip_local_port_range='16384 60999', or let clients and load generator use several addresses",
			"%s: too few for %s clients on this machine", text, grouped(f.connections()))
	case f.TimeWait > ports/2:
		return warn("wait a minute, or sysctl -w net.ipv4.tcp_tw_reuse=1", "%s, while %s closed ones wait in TIME_WAIT", text, grouped(f.TimeWait))
	case f.ReuseTimeWait == 0:
		return warn("sysctl -w net.ipv4.tcp_tw_reuse=2", "%s, and a closed one is not used again for a minute: load that reconnects runs out", text)
	default:
		return okay("%s, %s in TIME_WAIT", text, orUnknown(f.TimeWait))
	}
}

func checkConntrack(f *Facts) Finding {
	switch {
	case f.TrackedMost == Unknown:
		return okay("no connection tracking")
	case f.TrackedMost-max(0, f.Tracked) < 2*f.connections():
		return warn(fmt.Sprintf("sysctl -w net.netfilter.nf_conntrack_max=%d", max(262_144, 2*f.TrackedMost)),
			"the firewall follows at most %s connections and has %s: packets of new ones are dropped in silence", grouped(f.TrackedMost), orUnknown(f.Tracked))
	default:
		return okay("%s of at most %s connections", orUnknown(f.Tracked), grouped(f.TrackedMost))
	}
}
