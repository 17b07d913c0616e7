package bus

import "github.com/laban-io/laban/internal/topic"

// MatchTopic tells whether an AMQP topic pattern matches a routing key: "*"
// stands for exactly one dot-separated word, "#" for zero or more. The empty key
// has no word. Its time is bounded by the product of both lengths, whatever
// they contain.
func MatchTopic(pattern, key string) bool { return topic.Matches(pattern, key) }
