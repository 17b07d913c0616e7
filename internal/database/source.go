package database

import (
	"database/sql/driver"

	"github.com/laban-io/laban/pkg/outbox"
)

// source is a database that can be connected to.
type source struct {
	dialect   outbox.Dialect
	connector driver.Connector
	name      string // for people to read, without a password
	system    string // db.system.name of the OpenTelemetry conventions
	namespace string // db.namespace of the OpenTelemetry conventions
}
