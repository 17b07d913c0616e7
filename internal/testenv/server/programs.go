package server

import (
	"context"
	"fmt"
	"strings"
)

// RabbitMQPrograms returns the folder with rabbitmq-server and rabbitmqctl.
func RabbitMQPrograms() (string, error) {
	bin, searched, ok := findRabbitMQ()
	return found("RabbitMQ", bin, searched, ok)
}

// PortMapper returns the path of epmd, the port mapper of the Erlang that runs
// RabbitMQ.
func PortMapper() (string, error) {
	bin, err := RabbitMQPrograms()
	if err != nil {
		return "", err
	}
	return findPortMapper(bin)
}

// PostgreSQLPrograms returns the folder with postgres and initdb.
func PostgreSQLPrograms() (string, error) {
	bin, searched, ok := findPostgreSQL()
	return found("PostgreSQL", bin, searched, ok)
}

// JaegerProgram returns the path of Jaeger's program.
func JaegerProgram() (string, error) {
	bin, searched, ok := findJaeger()
	return found("Jaeger", bin, searched, ok)
}

func found(server, where string, searched []string, ok bool) (string, error) {
	if !ok {
		return "", fmt.Errorf("%s is not installed: not found in %s; run make deps", server, strings.Join(searched, ", "))
	}
	return where, nil
}

// FreePorts returns n ports on loopback that nobody listens on, below those that
// the system takes for outgoing connections. Another process may take one before
// it is used.
func FreePorts(ctx context.Context, n int) ([]int, error) { return freePorts(ctx, n) }
