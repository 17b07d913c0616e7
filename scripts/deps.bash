#!/usr/bin/env bash
# Gets what the tests need and this machine lacks: RabbitMQ and PostgreSQL by
# apt-get (as root on Debian), Jaeger by building it from its Go module. Prints
# on standard error what it does. The test of the whole stack, and make stack,
# need Prometheus and Alertmanager, too; the tests of the pages need Chromium,
# and that of a foreign system Node.js and some packages from npm.
#
#   LABAN_NO_INSTALL=1   installs and builds nothing, only says what is missing
#
# Where something can't be installed but a Docker engine answers, the tests use
# that. Where neither is possible, this says what to do and fails.
source "$(dirname "$0")/environment.bash"

# missing lists what is neither installed nor named in the environment.
missing() {
	go run ./internal/testenv/cmd/withservers -missing || return
	command -v prometheus >/dev/null || echo prometheus
	command -v prometheus-alertmanager >/dev/null || command -v alertmanager >/dev/null || echo alertmanager
	command -v chromium >/dev/null || echo chromium
	command -v npm >/dev/null || echo npm
	cmp -s "$shop/package-lock.json" "$shop/node_modules/installed.json" || echo shop
}

# The services in JavaScript that are observed. What was installed for them is
# kept beside what they asked for.
shop=examples/foreign-javascript

install_shop() {
	quietly "npm ci in $shop" npm ci --prefix "$shop" --ignore-scripts --no-audit --no-fund &&
		cp "$shop/package-lock.json" "$shop/node_modules/installed.json"
}

may_install() { [ "${LABAN_NO_INSTALL:-}" != 1 ]; }

# install_packages installs Debian packages without starting the services in
# them: the tests start nodes of their own.
install_packages() {
	local policy=/usr/sbin/policy-rc.d
	export DEBIAN_FRONTEND=noninteractive
	if [ ! -e "$policy" ]; then
		# shellcheck disable=SC2064 # the name is known now
		trap "rm -f $policy" EXIT
		printf '#!/bin/sh\nexit 101\n' >"$policy"
		chmod 755 "$policy"
	fi
	quietly "apt-get update" apt-get -q -o DPkg::Lock::Timeout=300 update &&
		quietly "apt-get install $*" \
			apt-get -q -y -o DPkg::Lock::Timeout=300 --no-install-recommends install "$@"
}

# build_jaeger builds a version of Jaeger's Go module. "go install" refuses the
# module because of a replace directive, but it builds in its own folder.
build_jaeger() {
	local version=$1 program=$2 module=github.com/jaegertracing/jaeger source
	# Outside of this module, whose go.mod is not to be asked about it.
	cd /
	export GOFLAGS=-buildvcs=false GOWORK=off
	quietly "downloading Jaeger's source ($module@$version)" \
		go mod download "$module@$version" || return
	source=$(go mod download -json "$module@$version" | sed -n 's/^.*"Dir": "\(.*\)",$/\1/p')
	[ -d "$source" ] || die "Jaeger's source is not where go mod download says: '$source'"
	mkdir -p "$(dirname "$program")"
	quietly "building Jaeger, which takes some minutes the first time" \
		go build -C "$source" -ldflags='-s -w' -o "$program.new" ./cmd/jaeger || return
	mv "$program.new" "$program"
}

say "looking for RabbitMQ, PostgreSQL, Jaeger, Prometheus, Alertmanager, Chromium and npm"
wanted=$(watched "compiling what looks for them" missing)
if [ -z "$wanted" ]; then
	say "all are there"
	exit 0
fi

packages=()
while read -r name version program; do
	case $name in
	rabbitmq) packages+=(rabbitmq-server) ;;
	postgresql) packages+=(postgresql) ;;
	prometheus) packages+=(prometheus) ;;
	chromium) packages+=(chromium) ;;
	npm) packages+=(nodejs npm) ;;
	alertmanager) packages+=(prometheus-alertmanager) ;;
	jaeger)
		if may_install; then
			(build_jaeger "$version" "$program") || say "Jaeger could not be built"
		fi
		;;
	esac
done <<<"$wanted"

if [ ${#packages[@]} -gt 0 ] && may_install && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
	install_packages "${packages[@]}" || say "apt-get could not install ${packages[*]}"
fi

if grep -q '^shop$' <<<"$wanted" && may_install && command -v npm >/dev/null; then
	install_shop || say "what $shop needs could not be installed"
fi

wanted=$(missing)
[ -z "$wanted" ] && exit 0

# The images stand in for the tests' own servers, not for these.
if ! grep -qE '^(prometheus|alertmanager|chromium|npm|shop)$' <<<"$wanted" && docker version >/dev/null 2>&1; then
	say "these will run in Docker, as they are not installed: $(cut -d' ' -f1 <<<"$wanted" | paste -sd' ')"
	exit 0
fi

say "Servers that are needed are not there, and can't be had from Docker:"
while read -r name _ program; do
	case $name in
	rabbitmq) say "  RabbitMQ: apt-get install rabbitmq-server (as root), or name the folder of its programs in LABAN_RABBITMQ_DIR, or one that runs in LABAN_TEST_AMQP_URL" ;;
	postgresql) say "  PostgreSQL: apt-get install postgresql (as root), or name one in LABAN_TEST_POSTGRES_URL" ;;
	chromium) say "  Chromium, for the tests of the pages: apt-get install chromium (as root), or put it on PATH" ;;
	npm) say "  Node.js and npm, for the test of a foreign system: apt-get install nodejs npm (as root), or put them on PATH" ;;
	shop) say "  what the services in $shop need: npm ci --prefix $shop, then cp $shop/package-lock.json $shop/node_modules/installed.json" ;;
	prometheus) say "  Prometheus: apt-get install prometheus (as root), or put its program on PATH" ;;
	alertmanager) say "  Alertmanager: apt-get install prometheus-alertmanager (as root), or put its program, alertmanager, on PATH" ;;
	jaeger) say "  Jaeger: make deps builds it into $program; or name its program in LABAN_JAEGER_BIN, or one that runs in LABAN_TEST_JAEGER_QUERY_URL and LABAN_TEST_JAEGER_OTLP_URL" ;;
	esac
done <<<"$wanted"
may_install || say "LABAN_NO_INSTALL=1 kept this script from installing them."
exit 1
