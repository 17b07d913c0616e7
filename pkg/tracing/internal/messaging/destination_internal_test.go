package messaging

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDestinationNames(t *testing.T) {
	for _, c := range []struct{ exchange, key, queue, name, template string }{
		{"shop", "order.placed", "", "shop:order.placed", ""},
		{"shop", "", "", "shop", ""},
		{"", "payment", "", "payment", ""},
		{"", "", "", "amq.default", ""},
		{"shop", "order.placed", "payment", "shop:order.placed:payment", ""},
		{"", "payment", "payment", "payment", ""},
		{"shop", "payment", "payment", "shop:payment", ""},
		{"", "order.placed", "payment", "order.placed:payment", ""},
		{"shop", "", "payment", "shop:payment", ""},
		{"", "", "payment", "payment", ""},
		{"shop", "order.placed", "amq.gen-Xa2", "shop:order.placed:amq.gen-Xa2", "shop:order.placed:(anonymous)"},
		{"", "amq.gen-Xa2", "", "amq.gen-Xa2", "(anonymous)"},
		{"", "amq.rabbitmq.reply-to.g1h2AA", "", "amq.rabbitmq.reply-to.g1h2AA", "(anonymous)"},
		{"", "amq.gen-Xa2", "amq.gen-Xa2", "amq.gen-Xa2", "(anonymous)"},
	} {
		d := Destination{Exchange: c.exchange, RoutingKey: c.key, Queue: c.queue}
		require.Equal(t, c.name, d.name())
		template, anonymous := d.template()
		require.Equal(t, c.template != "", anonymous)
		if anonymous {
			require.Equal(t, c.template, template)
		} else {
			require.Equal(t, c.name, template)
		}
	}
}
