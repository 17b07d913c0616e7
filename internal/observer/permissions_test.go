package observer_test

import (
	"context"
	"os"
	"regexp"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/internal/observer"
	"github.com/laban-io/laban/internal/testenv"
	"github.com/laban-io/laban/pkg/flow"
)

// documented are the permissions that the guide says an observer needs.
func documented(t *testing.T) (configure, write, read string) {
	t.Helper()
	guide, err := os.ReadFile("../../docs/guides/operate-the-observer.md")
	require.NoError(t, err)
	m := regexp.MustCompile(`set_permissions watch \\\n\s*'(\S+)' \\\n\s*'(\S+)' \\\n\s*'(\S+)'\n`).FindSubmatch(guide)
	require.Len(t, m, 4)
	return string(m[1]), string(m[2]), string(m[3])
}

// TestTheDocumentedPermissionsAreEnough: with nothing but those, on a broker where
// nobody has declared the log yet, an observer sees, and explains a stall.
func TestTheDocumentedPermissionsAreEnough(t *testing.T) {
	b := testenv.RabbitMQ(t)
	configure, write, read := documented(t)
	restricted := *b
	restricted.URL = b.User(t, configure, write, read)
	w := watch(t, &restricted, options{})
	w.sees(t)
	web, _ := service(t, b, "web", nil, nil)
	place(t, web, "a")
	w.becomes(t, "a", flow.Stalled)
	w.cause(t, "a", flow.Unrouted)
	for _, e := range w.Status().Evidence {
		require.True(t, e.Available || e.Source == "management" || e.Source == "announcements", "%s: %s", e.Source, e.Detail)
	}
}

// TestAMissingPermissionIsNamed: the observer does not begin, and says what to
// grant.
func TestAMissingPermissionIsNamed(t *testing.T) {
	b := testenv.RabbitMQ(t)
	configure, write, read := documented(t)
	for _, x := range []struct {
		name                   string
		configure, write, read string
		declared               bool // the log, by somebody else
		want                   string
	}{
		{"configure, of the log", "^$", write, read, false, "permission to configure events.log"},
		{"configure, of the lock", "^events", write, read, true, "permission to configure laban.observer.events.log"},
		{"write, to the default exchange", configure, "^events", read, true, "permission to write amq.default"},
		{"read, of the log", configure, write, "^events.unrouted$", true, "permission to read events.log"},
		{"any", "^$", "^$", "^$", true, "permission to configure laban.observer.events.log"},
	} {
		t.Run(x.name, func(t *testing.T) {
			if x.declared {
				b.DeclareQueue(t, "events.log", amqp.Table{"x-queue-type": "stream"})
			}
			restricted := *b
			restricted.URL = b.User(t, x.configure, x.write, x.read)
			o, err := observer.New(observerConfig(t, &restricted, fresh(t), options{}))
			require.NoError(t, err)
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			began := time.Now()
			err = o.Run(ctx)
			require.ErrorContains(t, err, x.want, "after %v", time.Since(began))
			require.ErrorContains(t, err, "rabbitmqctl set_permissions")
		})
	}
}
