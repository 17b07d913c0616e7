package choreographytest

import "testing"

// scenario leads one or a few orders to their fates. A system goes through many
// of them, one after the other, and the invariants are those of all its orders.
type scenario struct {
	name string
	play func(t *testing.T, s *system)
}

func scenarios() []scenario {
	return []scenario{
		{"fates", fates},
		{"a timeout is charged once", aTimeoutIsChargedOnce},
		{"every event names its cause", everyEventNamesItsCause},
		{"cancel before an event arrives", cancelBeforeAnEventArrives},
		{"cancel during the capture", cancelDuringTheCapture},
		{"cancel during shipping", cancelDuringShipping},
		{"a cancel that comes late is refused", aCancelThatComesLateIsRefused},
		{"cancel twice", cancelTwice},
		{"cancel after the end changes nothing", cancelAfterTheEndChangesNothing},
	}
}

func TestScenariosInMemory(t *testing.T) {
	on, _ := inMemory(t)
	playAll(t, start(t, on))
}

func TestScenariosOnRabbitMQAndPostgreSQL(t *testing.T) { playAll(t, start(t, onServers(t))) }

func playAll(t *testing.T, s *system) {
	for _, sc := range scenarios() {
		t.Run(sc.name, func(t *testing.T) { sc.play(t, s) })
	}
}
