// Package compose is the whole system for docker compose: compose.yaml, its
// settings in .env, and the configuration files that containers mount and make
// stack copies. It has no code but tests, which hold these files to each other.
package compose
