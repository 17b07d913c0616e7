package amqpbus_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/pkg/amqpbus"
)

func TestRedact(t *testing.T) {
	for url, want := range map[string]string{
		"amqp://guest:secret@host:5672/shop":        "amqp://guest@host:5672/shop",
		"amqps://host/":                             "amqps://host/",
		"amqps://u:p@host/?keyfile=/etc/secret.pem": "amqps://u@host/",
		"amqp://u:p%zz@host/":                       "…@host/",
		"amqp://u:se cret@host:notaport/":           "…@host:notaport/",
		"://":                                       "(unreadable)",
	} {
		require.Equal(t, want, amqpbus.Redact(url), url)
	}
}
