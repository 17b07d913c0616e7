package notification

import (
	"fmt"
	"strings"
)

// write returns the subject and the text of the mail about a change.
func write(eventType string, c change) (subject, text string) {
	subject, lines := words(eventType, c)
	lines = append([]string{"Hello,", ""}, lines...)
	lines = append(lines, "", "Your order number is "+c.OrderID+".", "")
	return subject, strings.Join(lines, "\n")
}

// words returns what there is to say to a customer about a change.
func words(eventType string, c change) (subject string, lines []string) {
	order := "your order " + c.OrderID
	switch eventType {
	case orderPlaced:
		return "We received " + order,
			[]string{"thank you for your order" + worth(c, " of ") + ".", "We are checking whether everything is in stock."}
	case stockConfirmed:
		return "Everything is in stock for " + order,
			[]string{"everything you ordered is in stock and reserved for you.", "Next we charge your means of payment."}
	case stockRejected:
		return "We can't deliver " + order,
			[]string{"we are sorry: we can't deliver your order" + because(c) + ".", "You were not charged."}
	case paymentConfirmed:
		return "We received the payment for " + order,
			[]string{"we received your payment" + worth(c, " of ") + ".", "Your order goes to the carrier next."}
	case paymentRejected:
		return "The payment failed for " + order,
			[]string{"your payment was not made" + because(c) + ".", "Your order has ended, and you were not charged."}
	case orderShipped:
		return "We shipped " + order, append([]string{"your order is on its way."}, tracking(c)...)
	case deliveryFailed:
		return "We could not deliver " + order,
			[]string{"we are sorry: your order could not be delivered" + because(c) + ".", "You get your money back; we write again when it is on its way."}
	case orderCanceled:
		return "We canceled " + order,
			[]string{"your order is canceled, as you asked.", "If you were charged, you get your money back; we write again when it is on its way."}
	case orderCancelRefused:
		return "We could not cancel " + order,
			[]string{"you asked us to cancel your order. It is too late for that" + because(c) + "."}
	case refundProcessed:
		return "We returned your money for " + order,
			[]string{"we returned your payment" + worth(c, " of ") + "."}
	default:
		return "News of " + order, []string{"there is news of your order: " + eventType + "."}
	}
}

// maxReason is how many bytes of a reason a mail repeats.
const maxReason = 300

// because returns the reason as the end of a sentence.
func because(c change) string {
	reason := strings.TrimSuffix(strings.TrimSpace(c.Reason), ".")
	if reason == "" {
		return ""
	}
	if len(reason) > maxReason {
		reason = strings.ToValidUTF8(reason[:maxReason], "") + "…"
	}
	return ": " + reason
}

// worth returns the amount behind a word, or nothing where there is none.
func worth(c change, before string) string {
	if c.Amount <= 0 || c.Currency == "" {
		return ""
	}
	return before + money(c.Amount, c.Currency)
}

func tracking(c change) []string {
	if c.TrackingNumber == "" {
		return nil
	}
	return []string{fmt.Sprintf("Its tracking number is %s.", c.TrackingNumber)}
}
