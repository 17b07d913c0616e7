package amqpbus

// Decode is decode for the tests of the package's outside.
var Decode = decode
