package order

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/event"
)

// Place is what a customer asks for.
type Place struct {
	CustomerEmail string `json:"customer_email" maxLength:"254" doc:"Where notifications go" example:"ada@example.com"`
	Items         []Item `json:"items" minItems:"1" maxItems:"50" doc:"Each SKU at most once"`
	Currency      string `json:"currency" pattern:"^[A-Z]{3}$" patternDescription:"three capital letters" doc:"ISO 4217 code" example:"EUR"`
	ShipTo        string `json:"ship_to" minLength:"1" maxLength:"300" doc:"The address in one line" example:"12 Mill Lane, Cambridge"`
	PaymentToken  token  `json:"payment_token" minLength:"1" maxLength:"200" pattern:"^[A-Za-z0-9_.-]+$" patternDescription:"letters, digits, _ . -" writeOnly:"true" doc:"What the payment provider gave for this payment. It is passed on and never shown again" example:"tok_approved"`
}

// Item is one line of an order.
type Item struct {
	SKU       string `json:"sku" minLength:"1" maxLength:"64" pattern:"^[A-Za-z0-9][A-Za-z0-9._-]*$" patternDescription:"letters, digits, . _ -" doc:"What is ordered" example:"mug"`
	Quantity  int64  `json:"quantity" minimum:"1" maximum:"1000" doc:"How many" example:"2"`
	UnitPrice int64  `json:"unit_price" minimum:"1" maximum:"1000000000" doc:"Price of one, in minor units of the currency" example:"1250"`
}

// amount is the sum of the items. With the bounds of [Item] and 50 of them it
// is at most 5·10¹³.
func (p *Place) amount() int64 {
	var sum int64
	for _, it := range p.Items {
		sum += it.Quantity * it.UnitPrice
	}
	return sum
}

// fingerprint tells requests apart: equal for equal content, whatever the white
// space and the order of fields.
func (p *Place) fingerprint() (string, error) {
	text, err := json.Marshal(p)
	if err != nil {
		return "", fmt.Errorf("encode the request: %w", err)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), nil
}

// errKeyReused: the idempotency key came before with another request.
var errKeyReused = errors.New("the idempotency key was used for another request")

// place stores an order and its order.placed, which starts the order's flow. If
// key is not empty and was used before with the same request, it returns what
// it returned then, and replayed.
func (s *service) place(ctx context.Context, p Place, key string) (o Order, flow bus.Flow, replayed bool, err error) {
	fingerprint, err := p.fingerprint()
	if err != nil {
		return Order{}, bus.Flow{}, false, err
	}
	id, now := event.NewID(), time.Now().UTC()
	err = s.outbox.Transact(ctx, func(ctx context.Context, tx *sql.Tx) error {
		ctx, flow = s.bus.StartFlow(ctx, FlowName, id)
		replayed = false
		e := event.New(orderPlaced, placed{
			OrderID: id, CustomerEmail: p.CustomerEmail, Items: p.Items, Amount: p.amount(),
			Currency: p.Currency, PaymentToken: p.PaymentToken, ShipTo: p.ShipTo,
		}).WithSubject(id)
		e.ID, e.Source, e.Time = event.NewID(), Name, now

		first := factOf(id, e, Detail{})
		stored := row{
			id: id, customerEmail: p.CustomerEmail, items: p.Items, amount: p.amount(), currency: p.Currency,
			shipTo: p.ShipTo, flow: flow, status: Placed, created: now, updated: now,
		}
		o = orderFrom(stored, []fact{first})
		if key != "" {
			earlier, err := claimKey(ctx, tx, key, fingerprint, o)
			if err != nil {
				return err
			}
			if earlier != nil {
				o, replayed = *earlier, true
				flow, err = flowOf(ctx, tx, o.ID)
				return err
			}
		}
		if err := insertOrder(ctx, tx, stored); err != nil {
			return err
		}
		if err := insertFact(ctx, tx, first); err != nil {
			return err
		}
		return s.outbox.Publish(ctx, e)
	})
	if err != nil {
		return Order{}, bus.Flow{}, false, err
	}
	return o, flow, replayed, nil
}

// claimKey stores the answer to a request under its key. If the key is taken
// already it returns the answer from then, or errKeyReused if that was another
// request. A request with the same key that is under way at the same time is
// waited for: the database lets only one insert the row.
func claimKey(ctx context.Context, tx *sql.Tx, key, fingerprint string, answer Order) (earlier *Order, err error) {
	text, err := json.Marshal(answer)
	if err != nil {
		return nil, fmt.Errorf("encode the answer: %w", err)
	}
	res, err := tx.ExecContext(ctx, `
		INSERT INTO idempotency_keys (key, fingerprint, answer, created_ns) VALUES ($1, $2, $3, $4)
		ON CONFLICT (key) DO NOTHING`,
		key, fingerprint, string(text), answer.CreatedAt.UnixNano())
	if err != nil {
		return nil, fmt.Errorf("store the idempotency key: %w", err)
	}
	n, err := res.RowsAffected()
	if err != nil {
		return nil, fmt.Errorf("store the idempotency key: %w", err)
	}
	if n > 0 {
		return nil, nil
	}
	var storedFingerprint, storedAnswer string
	if err := tx.QueryRowContext(ctx, `SELECT fingerprint, answer FROM idempotency_keys WHERE key = $1`, key).
		Scan(&storedFingerprint, &storedAnswer); err != nil {
		return nil, fmt.Errorf("read the idempotency key: %w", err)
	}
	if storedFingerprint != fingerprint {
		return nil, errKeyReused
	}
	earlier = new(Order)
	if err := json.Unmarshal([]byte(storedAnswer), earlier); err != nil {
		return nil, fmt.Errorf("decode the answer of the idempotency key: %w", err)
	}
	return earlier, nil
}
