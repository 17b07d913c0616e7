#!/usr/bin/env bash
# Measures what telemetry costs the order system at full load: the CPU time of
# its five services and their customers, in one process, without telemetry, with
# every trace sampled out, and with every span exported to a collector. The three
# take turns, and the ratios of each round to its first are what counts. BROKER=1
# has them use the RabbitMQ rather than a bus in memory: nearer to life, and less
# exact, since while it waits for the broker the process polls.
#
#   scripts/withservers.bash -- scripts/telemetry-cost.bash [ROUNDS [ORDERS]]
source "$(dirname "$0")/environment.bash"

rounds=${1:-5} orders=${2:-1000}
[ -n "${LABAN_TEST_JAEGER_OTLP_URL:-}" ] || die "run it under scripts/withservers.bash: it wants a Jaeger"
broker=()
[ -z "${BROKER:-}" ] || broker=(--amqp "$LABAN_TEST_AMQP_URL")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
go build -trimpath -o "$folder/laban" ./cmd/laban

# Seconds of CPU time, user and system, of one run.
cpu() {
	local TIMEFORMAT='%U %S'
	{ time env OTEL_BSP_MAX_QUEUE_SIZE=200000 "$@" "$folder/laban" demo --orders "$orders" --exit --think 0 --seed 1 --no-observer \
		"${broker[@]}" >"$folder/out" 2>&1; } 2>"$folder/time" || { cat "$folder/out" >&2; exit 1; }
	awk '{ print $1 + $2 }' "$folder/time"
}

# The three begin in turn, since what ran just before has an effect.
printf 'round\toff s\tsampled out s\texported s\tsampled out/off\texported/off\n'
for round in $(seq "$rounds"); do
	for turn in 0 1 2; do
		case $(((round + turn) % 3)) in
		0) off=$(cpu OTEL_SDK_DISABLED=true) ;;
		1) out=$(cpu OTEL_EXPORTER_OTLP_ENDPOINT="$LABAN_TEST_JAEGER_OTLP_URL" OTEL_TRACES_SAMPLER=always_off) ;;
		2) all=$(cpu OTEL_EXPORTER_OTLP_ENDPOINT="$LABAN_TEST_JAEGER_OTLP_URL" OTEL_TRACES_SAMPLER=always_on) ;;
		esac
	done
	awk -v r="$round" -v a="$off" -v b="$out" -v c="$all" 'BEGIN { printf "%d\t%.2f\t%.2f\t%.2f\t%.2f\t%.2f\n", r, a, b, c, b / a, c / a }'
done
