package server

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
)

// loopback is where every server listens.
const loopback = "127.0.0.1"

// freePorts returns n ports on loopback that nobody listens on.
//
// They lie below the range from which the system takes the local ports of
// outgoing connections. A port inside that range can be lost while a server
// restarts: a client that keeps trying to connect to it may be given that very
// port as its own, is then connected to itself, and the server can't have it
// back.
//
// Another process may take a port before the server does. Then the server
// fails to start, and is started again with others.
func freePorts(ctx context.Context, n int) ([]int, error) {
	const lowest = 12000
	highest := lowestEphemeral()
	if highest < lowest+1000 {
		highest = 32768
	}
	var ports []int
	taken := make(map[int]bool)
	for range 1000 {
		port := lowest + rand.IntN(highest-lowest) //nolint:gosec // a port is no secret
		if taken[port] {
			continue
		}
		taken[port] = true
		var config net.ListenConfig
		l, err := config.Listen(ctx, "tcp", net.JoinHostPort(loopback, strconv.Itoa(port)))
		if err != nil {
			continue
		}
		_ = l.Close()
		if ports = append(ports, port); len(ports) == n {
			return ports, nil
		}
	}
	return nil, fmt.Errorf("find %d free ports on %s: there are none between %d and %d", n, loopback, lowest, highest)
}

// lowestEphemeral returns the first port that outgoing connections may use.
func lowestEphemeral() int {
	const linuxDefault = 32768
	text, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range")
	if err != nil {
		return linuxDefault
	}
	var lowest, highest int
	if _, err := fmt.Sscan(string(text), &lowest, &highest); err != nil {
		return linuxDefault
	}
	return lowest
}
