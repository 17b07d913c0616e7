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
		"amqp://u:se/cret@host/":                    "…@host/",
		"amqp://u:123/cret@host/":                   "…@host/",
		"://":                                       "(unreadable)",
	} {
		require.Equal(t, want, amqpbus.Redact(url), url)
	}
}

// What package url says of a URL that it can't read quotes it, with escapes.
func TestNoURLIsQuotedThatCantBeRead(t *testing.T) {
	for _, url := range []string{
		`amqp://u:s3c"ret@host:port/`, `amqp://u:s3c\ret@host:port/`, "amqp://u:s3c\x01ret@host/", `amqp://u:s3c"ré\t@host:port/`,
		"amqp://u:s3c%zzret@host/", "amqp://u:s3c/ret@host/", "amqp://u:s3c ret@host/", "http://u:s3cret@host/",
		"amqp://u@host/?heartbeat=s3cret",
	} {
		_, err := amqpbus.Open(t.Context(), amqpbus.Config{URLs: []string{url}})
		require.ErrorContains(t, err, "host", url)
		require.ErrorContains(t, err, "percent-encoded", url)
		require.NotContains(t, err.Error(), "s3c", url)
		require.NotContains(t, err.Error(), "ret", url)
	}
}
