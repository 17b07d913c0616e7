// Package notification writes one mail to the customer for each change of an
// order, and says so with notification.sent.
//
// # What it promises
//
//   - Each event of the ten types that concern a customer leads to one mail and
//     one notification.sent. The mail server is never called inside a
//     transaction: the intent is committed first, then the mail is handed over,
//     then that is committed together with notification.sent and the note that
//     the event was handled.
//   - A mail that is handed over twice, because the service was cut off before it
//     could note the first time, is the same mail to the byte, with the same
//     Message-ID, by which mail systems tell a copy.
//   - What customers wrote can't add a header, a recipient or an SMTP command; an
//     address that could is refused and its event parked.
//
// # What it does not do
//
// It keeps no order of mails: each event stands for itself. It sends no
// attachments, no HTML, and nothing about stock.returned, which concerns no
// customer.
package notification
