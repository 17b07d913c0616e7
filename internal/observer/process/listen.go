package process

import (
	"context"
	"errors"
	"net"
	"strconv"
	"syscall"

	"github.com/laban-io/laban/internal/observer/api"
)

// portsTried is how many ports are tried from the one that is asked for on.
const portsTried = 10

// ListenNear listens at an address or, where that is taken, at the next free
// port of its host. Elsewhere than on loopback it needs a token.
func ListenNear(ctx context.Context, address, token string) (net.Listener, error) {
	listener, err := api.Listen(ctx, address, token)
	host, text, splitErr := net.SplitHostPort(address)
	port, parseErr := strconv.ParseUint(text, 10, 16)
	if err == nil || splitErr != nil || parseErr != nil {
		return listener, err
	}
	for n := port + 1; n < port+portsTried && errors.Is(err, syscall.EADDRINUSE); n++ {
		if listener, err = api.Listen(ctx, net.JoinHostPort(host, strconv.FormatUint(n, 10)), token); err == nil {
			return listener, nil
		}
	}
	if errors.Is(err, syscall.EADDRINUSE) {
		return api.Listen(ctx, net.JoinHostPort(host, "0"), token)
	}
	return nil, err
}
