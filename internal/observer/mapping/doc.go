// Package mapping reads messages that know nothing of Laban as events, by a
// description of where in them things are.
//
// A [Place] is where one thing is: in the routing key, a property, a header or
// the JSON body. A [Mapping] has the places of all that an event consists of.
// Reading is a pure function of the message. A message that fits no mapping is
// an [*Unreadable] with a reason that can be counted.
package mapping
