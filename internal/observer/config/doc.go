// Package config reads an observer's configuration, observer.yaml.
//
//	amqp: ${AMQP_URL}
//	management: http://localhost:15672
//	ledger: sqlite:ledger.db
//	listen: 127.0.0.1:7070
//	contracts: [shop.yaml]
//	taps:
//	  - exchange: shop
//	    type: routing-key
//	    key:  body:/order/id
//	retention: {finished: 30d}
//
// Reading is strict: a field that does not exist is an error with its place in
// the file and what was most likely meant. ${NAME} in a value is replaced from
// the environment, ${NAME:-default} has a default; what is put in is never read
// as YAML. No error shows a value that may hold a secret.
package config
