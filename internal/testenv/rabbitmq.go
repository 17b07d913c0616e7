package testenv

import (
	"context"
	"crypto/rand"
	"net"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/laban-io/laban/internal/testenv/server"
)

// Broker is a vhost of a RabbitMQ node.
type Broker struct {
	// URL is the vhost's address, with user and password.
	URL string
	// ManagementURL is the address of the management API's server, with user
	// and password and without a path.
	ManagementURL string
	// VHost is the vhost's name.
	VHost string

	management management
	users      []string
	node       *server.RabbitMQ // of a private broker
}

// RabbitMQ returns a fresh vhost of a shared node. It is deleted when the test
// has ended, which also closes the connections to it.
func RabbitMQ(t testing.TB) *Broker {
	t.Helper()
	needsServer(t)
	amqpURL, managementURL := namedRabbitMQ(t)
	if amqpURL == "" {
		node, err := sharedRabbitMQ()
		if err != nil {
			t.Fatalf("this test needs RabbitMQ: %v", err)
		}
		amqpURL, managementURL = node.URL(), node.ManagementURL()
	}
	return newBroker(t, amqpURL, managementURL)
}

// namedRabbitMQ returns the addresses of the node that the environment names,
// or nothing.
func namedRabbitMQ(t testing.TB) (amqpURL, managementURL string) {
	t.Helper()
	amqpURL = os.Getenv("LABAN_TEST_AMQP_URL")
	if amqpURL == "" {
		return "", ""
	}
	broker, err := url.Parse(amqpURL)
	if err != nil {
		t.Fatal("LABAN_TEST_AMQP_URL is not a URL") // err would show the password
	}
	managementURL = os.Getenv("LABAN_TEST_RABBITMQ_MANAGEMENT_URL")
	if managementURL == "" {
		managementURL = "http://" + net.JoinHostPort(broker.Hostname(), "15672")
	}
	api, err := url.Parse(managementURL)
	if err != nil {
		t.Fatal("LABAN_TEST_RABBITMQ_MANAGEMENT_URL is not a URL")
	}
	if api.User == nil {
		api.User = broker.User
	}
	return amqpURL, api.String()
}

// newBroker makes a vhost on a node.
func newBroker(t testing.TB, amqpURL, managementURL string) *Broker {
	t.Helper()
	b := &Broker{ManagementURL: managementURL, VHost: "laban-test-" + strings.ToLower(rand.Text()[:12])}
	var err error
	if b.management, err = newManagement(managementURL); err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(amqpURL)
	if err != nil {
		t.Fatal("the address of RabbitMQ is not a URL")
	}
	u.Path = "/" + b.VHost
	b.URL, b.users = u.String(), []string{"guest"} // AMQP's own default
	if u.User != nil {
		b.users[0] = u.User.Username()
	}

	if err := b.management.createVHost(t.Context(), b.VHost); err != nil {
		t.Fatalf("make a vhost for the test: %v; the management plugin must be on, and the user be allowed to create vhosts", err)
	}
	t.Cleanup(func() {
		if b.node != nil {
			return // the node goes as a whole
		}
		ctx, cancel := context.WithTimeout(context.Background(), requestTimeout)
		defer cancel()
		if err := b.management.deleteVHost(ctx, b.VHost); err != nil {
			t.Errorf("delete the test's vhost: %v", err)
		}
	})
	return b
}
