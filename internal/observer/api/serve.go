package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// Listen listens at an address such as 127.0.0.1:7070. Anywhere but on loopback
// it refuses to without a token.
func Listen(ctx context.Context, address, token string) (net.Listener, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("the API can't listen at %s: %w; say another address with listen", address, err)
	}
	if tcp, ok := listener.Addr().(*net.TCPAddr); token == "" && (!ok || !tcp.IP.IsLoopback()) {
		return nil, errors.Join(fmt.Errorf("the API would be open to everyone who reaches %s: set %s to a secret that clients must send, or listen on loopback (127.0.0.1)", address, TokenVariable), listener.Close())
	}
	return listener, nil
}

// drainTimeout is how long answers under way may take once the API stops.
const drainTimeout = 5 * time.Second

// Serve serves the API until ctx ends or the listener fails. It closes the
// listener, and waits for requests under way for a few seconds.
func (a *API) Serve(ctx context.Context, listener net.Listener) error {
	server := &http.Server{
		Handler:           a,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       requestTimeout,
		WriteTimeout:      requestTimeout + writeTimeout,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          slog.NewLogLogger(a.cfg.Log.Handler(), slog.LevelDebug),
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	select {
	case err := <-failed:
		a.Stop()
		return errors.Join(fmt.Errorf("the API can't go on listening: %w", err), server.Close())
	case <-ctx.Done():
	}
	a.Stop()
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTimeout)
	defer cancel()
	err := server.Shutdown(drain)
	if err != nil {
		err = errors.Join(fmt.Errorf("some answers of the API were cut off: %w", err), server.Close())
	}
	if served := <-failed; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}
