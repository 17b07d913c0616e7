package parked

import "errors"

// ErrGone is wrapped by the error about a message that is not where it was.
var ErrGone = errors.New("the message is not there any more")

// ErrBusy is wrapped by the error about a box that somebody else has open.
var ErrBusy = errors.New("somebody else is redriving or discarding from there at this moment")

// ErrNowhere is wrapped by the error about a message that no queue would take.
// It stays where it is.
var ErrNowhere = errors.New("it was not sent")
