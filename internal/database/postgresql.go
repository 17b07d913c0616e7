package database

import (
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/laban-io/laban/pkg/outbox"
)

const connectTimeout = 5 * time.Second

// postgreSQL reads a URL as libpq does. The parser's own error is left out,
// since it quotes the URL, and a malformed one hides a password badly.
func postgreSQL(url string, o *options) (source, error) {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return source{}, fmt.Errorf("%w: it is not of the form postgres://user:password@host:5432/name (a password's special characters must be percent-encoded)", ErrURL)
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = connectTimeout
	}
	if o.relaxed {
		config.RuntimeParams["synchronous_commit"] = "off"
	}
	if o.readOnly {
		config.RuntimeParams["default_transaction_read_only"] = "on"
	}
	return source{
		dialect:   outbox.PostgreSQL,
		connector: stdlib.GetConnector(*config),
		name:      fmt.Sprintf("PostgreSQL database %s at %s", config.Database, net.JoinHostPort(config.Host, strconv.Itoa(int(config.Port)))),
		system:    "postgresql",
		namespace: config.Database,
	}, nil
}
