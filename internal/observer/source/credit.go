package source

const (
	// creditMost is how many messages may be on their way to the reader, which is a
	// stream's credit.
	creditMost = 4000
	// creditLeast is how few may be, and creditFirst how many while it is not known
	// how large they are.
	creditLeast = 8
	creditFirst = 64
	// creditBytes is how many bytes they may have. A broker counts messages only,
	// and the client takes all that it sends into memory, read or not.
	creditBytes = 64 << 20
	// overhead is what a message takes beside its body, more or less.
	overhead = 1 << 10
)

// credit is how many messages a reader lets the broker send ahead, by how large
// they have been of late. What was granted can't be taken back but by leaving
// messages unacknowledged: to ask anew for fewer would have those sent twice that
// are on their way.
type credit struct {
	granted int // what was asked for
	size    int // of a message, on average over the last ones
	taken   int // messages since it was asked for
	acked   uint64
}

// begin returns how many messages to ask for, on a new channel.
func (c *credit) begin() int {
	if c.granted == 0 {
		c.granted = creditFirst
	} else {
		c.granted = c.want()
	}
	c.taken, c.acked = 0, 0
	return c.granted
}

func (c *credit) want() int {
	return max(creditLeast, min(creditMost, creditBytes/max(c.size, overhead)))
}

// take notes a message's size, and tells whether to ask for more.
func (c *credit) take(body int) (again bool) {
	c.taken++
	if c.size == 0 {
		c.size = body + overhead
	}
	c.size += (body + overhead - c.size) / 8
	return c.taken >= 2*c.granted && (c.want() >= 4*c.granted || c.want() == creditMost) && c.want() > c.granted
}

// ack returns up to which message to acknowledge when the one with a tag has been
// read, or 0.
func (c *credit) ack(tag uint64) uint64 {
	want := min(c.want(), c.granted)
	left := uint64(c.granted - want) //nolint:gosec // it is not more
	if tag-c.acked < left+uint64(max(want/2, 1)) {
		return 0
	}
	c.acked = tag - left
	return c.acked
}

// keptBody is how large a body may be that is kept although nobody has asked for
// bodies: to drop it means to compute the record's fingerprint, which most
// records do without.
const keptBody = 16 << 10

// lighten drops the body, of which nothing but the fingerprint is needed.
func (i *Item) lighten() {
	if len(i.Data) > keptBody {
		i.print = i.Fingerprint()
		i.Data = nil
	}
}
