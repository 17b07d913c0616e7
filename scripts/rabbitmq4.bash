#!/usr/bin/env bash
# Gets RabbitMQ 4 beside the RabbitMQ that this machine has, and prints the folder
# of its programs, which is what LABAN_RABBITMQ_DIR takes:
#
#   make rabbitmq4                                     the tests that RabbitMQ matters to
#   make rabbitmq4 ARGS="-run=Retry ./pkg/amqpbus"     some of them
#   LABAN_RABBITMQ_DIR=$(scripts/rabbitmq4.bash) make stack
#
# It is the one of Debian 13, with that Debian's Erlang and libraries, in a folder
# of its own (about half a gigabyte) made by debootstrap. Nothing of this machine's
# own system is changed, but that debootstrap is installed. Needs root on Debian or
# Ubuntu; takes a minute or two the first time, and none later.
#
#   LABAN_DEBIAN_MIRROR   where Debian's packages are (default: as in apt's sources)
source "$(dirname "$0")/environment.bash"

suite=trixie
home=$cache/rabbitmq-$suite
programs=$home/programs

# mirror is the first of Debian's archives that apt knows here.
# shellcheck disable=SC2016 # apt's own variables
mirror() {
	if [ -n "${LABAN_DEBIAN_MIRROR:-}" ]; then
		echo "$LABAN_DEBIAN_MIRROR"
	else
		apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 'Origin: Debian' 2>/dev/null | grep -m 1 '/debian/\?$' ||
			die "apt's sources name no archive of Debian; set LABAN_DEBIAN_MIRROR to one" >&2
	fi
}

# write_program writes a program that runs another one of the system in $1. It
# sees that system in the place of this one, and all of this machine's other
# folders, through mounts that are its own: they go when it ends. It has the
# process id and the process group of the one that was started.
write_program() {
	local system=$1 inside=$2 program=$3
	cat >"$program" <<-END
		#!/bin/sh
		exec unshare --mount --propagation private /bin/sh -c '
			system=\$1 program=\$2
			shift 2
			for folder in /*/; do
				folder=\${folder%/}
				case \$folder in
				/bin | /boot | /etc | /lib* | /lost+found | /sbin | /usr | /var) continue ;;
				esac
				[ ! -L "\$folder" ] || continue
				mkdir -p "\$system\$folder"
				mount --rbind "\$folder" "\$system\$folder" || exit
			done
			exec chroot "\$system" "\$program" "\$@"
		' sh '$system' '$inside' "\$@"
	END
	chmod 755 "$program"
}

make_system() {
	local system=$1
	local archive
	archive=$(mirror) || return
	quietly "getting RabbitMQ 4 and its system from $archive" \
		debootstrap --variant=minbase --include=rabbitmq-server "$suite" "$system" "$archive" || return
	rm -rf "$system"/var/cache/apt/archives/*.deb "$system"/var/lib/apt/lists/*
	# The node's name ends in @localhost.
	[ -s "$system/etc/hosts" ] || echo "127.0.0.1 localhost" >"$system/etc/hosts"
}

if [ ! -x "$programs/rabbitmq-server" ]; then
	[ "$(id -u)" = 0 ] || die "this needs root: it makes a folder with a system of its own (debootstrap), and runs programs in it (chroot)"
	command -v apt-get >/dev/null || die "this needs Debian or Ubuntu; elsewhere, name a RabbitMQ 4 that runs in LABAN_TEST_AMQP_URL"
	if ! command -v debootstrap >/dev/null; then
		[ "${LABAN_NO_INSTALL:-}" != 1 ] || die "debootstrap is not installed, and LABAN_NO_INSTALL=1 keeps this script from installing it"
		quietly "apt-get install debootstrap" apt-get -q -y -o DPkg::Lock::Timeout=300 --no-install-recommends install debootstrap ||
			die "debootstrap could not be installed: apt-get update, then try again"
	fi
	rm -rf "$home"
	mkdir -p "$home"
	make_system "$home/system" || die "RabbitMQ 4 could not be had"
	mkdir "$home/programs.new"
	for program in rabbitmqctl rabbitmq-diagnostics rabbitmq-server; do
		write_program "$home/system" "/usr/lib/rabbitmq/bin/$program" "$home/programs.new/$program"
	done
	write_program "$home/system" /usr/bin/epmd "$home/programs.new/epmd"
	mv "$home/programs.new" "$programs"
fi
# shellcheck disable=SC2016 # dpkg's own variable
say "RabbitMQ $(chroot "$home/system" dpkg-query --show --showformat='${Version}' rabbitmq-server) is in $programs"
echo "$programs"
