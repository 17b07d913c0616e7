package stack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os/exec"
	"syscall"
	"time"
)

// part is one process of the stack.
type part struct {
	name string
	// what it is, in a few words, and where people look at it; may be empty.
	what, page string
	// after names the parts that must be ready before.
	after []string
	// prepare, where set, is done once before the first start.
	prepare func(ctx context.Context) error
	// command returns what to run.
	command func() (*exec.Cmd, error)
	// ready returns nil once it does its work.
	ready func(ctx context.Context) error
	// settle, where set, is done after each start, once it is ready.
	settle func(ctx context.Context) error
	// signal asks it to end, in order and within patience.
	signal   syscall.Signal
	patience time.Duration
}

// answers returns a check: a GET of the address must give 200.
func answers(address string) func(context.Context) error {
	return func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
		defer cancel()
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
		if err != nil {
			return err
		}
		client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}} // kept connections keep goroutines
		response, err := client.Do(request)
		if err != nil {
			var inner *url.Error // its text may have a password
			if errors.As(err, &inner) {
				err = inner.Err
			}
			return err
		}
		defer response.Body.Close()
		if response.StatusCode != http.StatusOK {
			said, _ := io.ReadAll(io.LimitReader(response.Body, 500))
			return fmt.Errorf("HTTP status %s: %s", response.Status, said)
		}
		return nil
	}
}

// accepts returns a check: something listens at the address.
func accepts(address string) func(context.Context) error {
	return func(ctx context.Context) error {
		conn, err := (&net.Dialer{Timeout: time.Second}).DialContext(ctx, "tcp", address)
		if err != nil {
			return err
		}
		return conn.Close()
	}
}
