package source

const (
	// creditMost is how many messages may be on their way to the reader, which is a
	// stream's credit. Half of it is acknowledged at a time.
	creditMost = 4000
	// creditLeast is how few may be, and creditFirst how many while it is not known
	// how large they are.
	creditLeast = 8
	creditFirst = 64
	// creditBytes is how many bytes they may have. A broker counts messages only,
	// and the client takes all that it sends into memory.
	creditBytes = 64 << 20
	// overhead is what a message takes beside its body, more or less.
	overhead = 1 << 10
)

// credit is how many messages a reader lets the broker send ahead, by how large
// they have been of late.
type credit struct {
	now   int // what was asked for
	size  int // of a message, on average over the last ones
	taken int // messages since it was asked for
}

// begin returns how many messages to ask for.
func (c *credit) begin() int {
	if c.now == 0 {
		c.now = creditFirst
	} else {
		c.now = c.want()
	}
	c.taken = 0
	return c.now
}

func (c *credit) want() int {
	return max(creditLeast, min(creditMost, creditBytes/max(c.size, overhead)))
}

// take notes a message's size, and tells whether to ask for another number: for
// fewer at once, for more when the size has proved to stay.
func (c *credit) take(body int) (again bool) {
	c.taken++
	if c.size == 0 {
		c.size = body + overhead
	}
	c.size += (body + overhead - c.size) / 8
	want := c.want()
	return want < c.now/2 || want > c.now && c.taken >= 2*c.now
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
