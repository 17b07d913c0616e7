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

// placing is how a request to place an order ended.
type placing struct {
	order    Order
	flow     bus.Flow
	replayed bool // it was answered before
}

// place stores an order and its order.placed, which starts the order's flow. If
// key is not empty and was used before with the same request, the answer is the
// one from then.
func (s *service) place(ctx context.Context, p Place, key string) (placing, error) {
	fingerprint, err := p.fingerprint()
	if err != nil {
		return placing{}, err
	}
	// Most repetitions come long after the first, and start no flow.
	if answered, err := replay(ctx, s.db, key, fingerprint); answered != nil || err != nil {
		return placing{}.or(answered), err
	}
	id, now := event.NewID(), time.Now().UTC()
	ctx, flow := s.bus.StartFlow(ctx, FlowName, id)
	var result placing
	err = s.outbox.Transact(ctx, func(ctx context.Context, tx *sql.Tx) error {
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
		result = placing{order: orderFrom(stored, []fact{first}), flow: flow}

		// Of requests that come at the same time the database lets one have the
		// key; the others wait for it here.
		claimed, err := claimKey(ctx, tx, key, fingerprint, result.order)
		if err != nil {
			return err
		}
		if !claimed {
			answered, err := replay(ctx, tx, key, fingerprint)
			if err == nil && answered == nil {
				err = errors.New("the idempotency key is taken, yet has no answer")
			}
			result = result.or(answered)
			return err
		}
		if err := insertOrder(ctx, tx, stored); err != nil {
			return err
		}
		if err := insertFact(ctx, tx, first); err != nil {
			return err
		}
		return s.outbox.Publish(ctx, e)
	})
	return result, err
}

// or returns other if there is one, and r otherwise.
func (r placing) or(other *placing) placing {
	if other != nil {
		return *other
	}
	return r
}
