#!/usr/bin/env bash
# Runs a command with RabbitMQ, PostgreSQL and Jaeger at hand; gets them first
# where they are missing. All arguments go to internal/testenv/cmd/withservers.
source "$(dirname "$0")/environment.bash"

scripts/deps.bash
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
# Built, because "go run" passes on neither exit status nor signals.
go build -o "$folder/withservers" ./internal/testenv/cmd/withservers
say "starting servers"
"$folder/withservers" "$@"
