package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	node "github.com/laban-io/laban/internal/testenv/server"
)

// server is a kind of server that a command can have.
type server struct {
	flag, name string
	// named is the variable that names one that runs already.
	named string
	// installed tells whether this machine has its program.
	installed func() bool
	// start starts one and returns what to add to the environment.
	start func(ctx context.Context) (env []string, stop func(), err error)
}

func servers() []server {
	return []server{
		{"rabbitmq", "RabbitMQ", "LABAN_TEST_AMQP_URL", node.HasRabbitMQ, startRabbitMQ},
		{"postgresql", "PostgreSQL", "LABAN_TEST_POSTGRES_URL", node.HasPostgreSQL, startPostgreSQL},
		{"jaeger", "Jaeger", "LABAN_TEST_JAEGER_QUERY_URL", node.HasJaeger, startJaeger},
	}
}

func startRabbitMQ(ctx context.Context) ([]string, func(), error) {
	r, err := node.StartRabbitMQ(ctx)
	if err != nil {
		return nil, nil, err
	}
	return []string{"LABAN_TEST_AMQP_URL=" + r.URL(), "LABAN_TEST_RABBITMQ_MANAGEMENT_URL=" + r.ManagementURL()}, r.Close, nil
}

func startPostgreSQL(ctx context.Context) ([]string, func(), error) {
	p, err := node.StartPostgreSQL(ctx)
	if err != nil {
		return nil, nil, err
	}
	return []string{"LABAN_TEST_POSTGRES_URL=" + p.URL()}, p.Close, nil
}

func startJaeger(ctx context.Context) ([]string, func(), error) {
	j, err := node.StartJaeger(ctx)
	if err != nil {
		return nil, nil, err
	}
	return []string{
		"LABAN_TEST_JAEGER_QUERY_URL=" + j.QueryURL(),
		"LABAN_TEST_JAEGER_OTLP_URL=" + j.OTLPEndpoint(),
		"LABAN_TEST_JAEGER_OTLP_GRPC_URL=" + j.OTLPGRPCEndpoint(),
	}, j.Close, nil
}

// start starts the wanted servers side by side and returns what to add to the
// environment. The stop function ends those that were started; it is there
// also with an error.
func start(ctx context.Context, wanted []server, progress io.Writer) (env []string, stop func(), err error) {
	var (
		mu    sync.Mutex
		wait  sync.WaitGroup
		stops []func()
		errs  []error
		said  []string
	)
	begun := time.Now()
	for _, s := range wanted {
		if os.Getenv(s.named) != "" {
			said = append(said, s.name+" as "+s.named+" says")
			continue
		}
		wait.Go(func() {
			more, end, err := s.start(ctx)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				errs = append(errs, err)
				return
			}
			env = append(env, more...)
			stops = append(stops, end)
			said = append(said, fmt.Sprintf("%s after %.1f s", s.name, time.Since(begun).Seconds()))
		})
	}
	wait.Wait()
	_, _ = fmt.Fprintf(progress, "withservers: %s\n", strings.Join(said, ", "))
	return env, func() {
		var ending sync.WaitGroup
		for _, end := range stops {
			ending.Go(end)
		}
		ending.Wait()
	}, errors.Join(errs...)
}
