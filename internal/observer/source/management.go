package source

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/laban-io/laban/pkg/flow"
)

// management asks RabbitMQ's management API for what AMQP does not tell.
type management struct {
	base  string // with a slash at the end
	vhost string // escaped
	user  *url.Userinfo
	http  *http.Client
}

const (
	managementTimeout = 3 * time.Second
	// managementBytes bounds an answer.
	managementBytes = 64 << 20
)

func newManagement(address, amqpURL string, config *tls.Config) (*management, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, errors.New("management: not an address") // err would show the password
	}
	broker, err := url.Parse(amqpURL)
	if err != nil {
		return nil, errors.New("amqp: not an address")
	}
	user := u.User
	if user == nil {
		user = broker.User
	}
	if user == nil {
		user = url.UserPassword("guest", "guest") // AMQP's own default
	}
	u.User = nil
	vhost := strings.TrimPrefix(broker.EscapedPath(), "/")
	if vhost == "" {
		vhost = "%2F"
	}
	transport := http.DefaultTransport.(*http.Transport).Clone() //nolint:errcheck,forcetypeassert // it is one, by net/http
	transport.TLSClientConfig = config
	return &management{
		base: strings.TrimSuffix(u.String(), "/") + "/", vhost: vhost, user: user,
		http: &http.Client{Timeout: managementTimeout, Transport: transport},
	}, nil
}

func (m *management) close() { m.http.CloseIdleConnections() }

func (m *management) get(ctx context.Context, path string, into any) error {
	ctx, cancel := context.WithTimeout(ctx, managementTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, m.base+path, http.NoBody)
	if err != nil {
		return err
	}
	password, _ := m.user.Password()
	request.SetBasicAuth(m.user.Username(), password)
	answer, err := m.http.Do(request)
	if err != nil {
		return fmt.Errorf("ask the management API: %w", err)
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode != http.StatusOK {
		hint := ""
		if answer.StatusCode == http.StatusUnauthorized || answer.StatusCode == http.StatusForbidden {
			hint = "; the user needs the tag monitoring"
		}
		return fmt.Errorf("the management API answers %s%s", answer.Status, hint)
	}
	if err := json.NewDecoder(io.LimitReader(answer.Body, managementBytes)).Decode(into); err != nil {
		return fmt.Errorf("read the management API's answer: %w", err)
	}
	return nil
}

// exchangeInfo is an exchange as the API tells it.
type exchangeInfo struct {
	Name string `json:"name"`
	Type string `json:"type"`
}

func (m *management) exchanges(ctx context.Context) ([]exchangeInfo, error) {
	var all []exchangeInfo
	err := m.get(ctx, "api/exchanges/"+m.vhost+"?columns=name,type", &all)
	return all, err
}

// queueInfo is a queue as the API tells it. What it has not counted yet is nil.
type queueInfo struct {
	Name      string `json:"name"`
	Ready     *int64 `json:"messages_ready"`
	Unacked   *int64 `json:"messages_unacknowledged"`
	Consumers *int64 `json:"consumers"`
}

// complete adds to s what can't be seen otherwise.
func (q *queueInfo) complete(s *flow.QueueSeen) {
	if q.Unacked != nil && *q.Unacked >= 0 {
		s.Unacked = *q.Unacked
	}
	if s.Hidden && q.Ready != nil && q.Consumers != nil && *q.Ready >= 0 && *q.Consumers >= 0 {
		s.Hidden, s.Ready, s.Consumers = false, *q.Ready, *q.Consumers
	}
}

// queues returns the vhost's queues by name.
func (m *management) queues(ctx context.Context) (map[string]queueInfo, error) {
	var all []queueInfo
	if err := m.get(ctx, "api/queues/"+m.vhost+"?columns=name,messages_ready,messages_unacknowledged,consumers", &all); err != nil {
		return nil, err
	}
	// A broker that collects no statistics (its operator's choice today, and
	// RabbitMQ's one day) tells the names only. Asked for totals it asks the queues
	// themselves.
	if !slices.ContainsFunc(all, func(q queueInfo) bool { return q.Unacked != nil }) && len(all) > 0 {
		all = nil
		if err := m.get(ctx, "api/queues/"+m.vhost+"?disable_stats=true&enable_queue_totals=true", &all); err != nil {
			return nil, err
		}
	}
	queues := make(map[string]queueInfo, len(all))
	for _, q := range all {
		queues[q.Name] = q
	}
	return queues, nil
}

// binding is one as the API tells it.
type binding struct {
	Source          string `json:"source"`
	Destination     string `json:"destination"`
	DestinationType string `json:"destination_type"`
	Key             string `json:"routing_key"`
}

func (m *management) bindings(ctx context.Context) ([]binding, error) {
	var all []binding
	err := m.get(ctx, "api/bindings/"+m.vhost+"?columns=source,destination,destination_type,routing_key", &all)
	return all, err
}
