// Package mailcatcher takes all mail that is sent to it and shows it on a page,
// so that what the order system's customers and whoever is on call would get can
// be read on one's own machine. It stands in for Mailpit where that is not
// installed.
//
// # What it promises
//
//   - Every mail is taken, whoever it is for, and none is passed on.
//   - The newest mails are kept, in memory, up to a number and a size.
//   - GET /api/v1/messages, GET /api/v1/message/{ID} and /readyz answer in the
//     shape of Mailpit's, with the fields that are here, so that who asks the one
//     can ask the other.
//   - Mails are shown as text. Nothing in a mail is run or fetched.
//
// # What it does not do
//
// It is no mail server: no TLS, no authentication, nothing that stays. It is to
// listen on loopback.
package mailcatcher
