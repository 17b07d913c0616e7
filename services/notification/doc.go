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
//   - So is one that two processes hand over, where each was given the event
//     while the other still had it in hand, as happens when a connection is
//     lost: both may find the intent and no note, and mail. That is accepted. To
//     rule it out, one would have to hold a lock while the mail server answers,
//     and a process that died with it would leave the customer without a mail,
//     which is worse than two copies that mail systems take for one.
//     notification.sent is said once all the same.
//   - What customers wrote can't add a header, a recipient or an SMTP command; an
//     address that could is refused and its event parked.
//
// # What it does not do
//
// It keeps no order of mails: each event stands for itself. It sends no
// attachments, no HTML, and nothing about stock.returned, which concerns no
// customer.
package notification
