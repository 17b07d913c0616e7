package amqpbus

import "time"

// Decode is decode for the tests of the package's outside.
var Decode = decode

// SetSetupTimeout sets how long a session may take until it works.
func SetSetupTimeout(c *Config, d time.Duration) { c.setupTimeout = d }
