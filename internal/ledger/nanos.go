package ledger

import (
	"database/sql"
	"math"
	"time"
)

// nanos returns a time as the tables have it. NULL is the zero time, and what a
// producer's clock claims outside the years 1970 to 2262.
func nanos(t time.Time) any {
	if s := t.Unix(); s < 0 || s > math.MaxInt64/int64(time.Second)-1 {
		return nil
	}
	return t.UnixNano()
}

// moment is the reverse of nanos.
func moment(n sql.NullInt64) time.Time {
	if !n.Valid {
		return time.Time{}
	}
	return time.Unix(0, n.Int64).UTC()
}
