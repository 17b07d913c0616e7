# shellcheck shell=sh
# Ends servers and removes their folder when the process that started them is
# gone. See leash.go. Run as: sh -c THIS laban-leash FOLDER, orders on stdin.
folder=$1
tied=
containers=
trap '' INT TERM HUP

# alive tells whether a process runs; one that nobody has collected yet does not.
alive() {
	kill -0 "$1" 2>/dev/null || return 1
	case $(cat "/proc/$1/stat" 2>/dev/null) in
	*") Z "*) return 1 ;;
	esac
}

while read -r order a b; do
	case $order in
	tie) tied="$tied $a:$b" ;;
	untie)
		kept=
		for t in $tied; do
			[ "${t#*:}" = "$a" ] || kept="$kept $t"
		done
		tied=$kept
		;;
	container) containers="$containers $a" ;;
	esac
done

# The pipe is closed. First the signal that lets a server leave in order.
for t in $tied; do
	kill -s "${t%%:*}" "${t#*:}" 2>/dev/null
done
for t in $tied; do
	[ "${t%%:*}" = KILL ] && continue
	tries=50
	while [ $tries -gt 0 ] && alive "${t#*:}"; do
		sleep 0.1
		tries=$((tries - 1))
	done
done
for t in $tied; do
	kill -s KILL -- "-${t#*:}" 2>/dev/null
done
for c in $containers; do
	docker rm --force --volumes "$c" >/dev/null 2>&1
done
# A server that was just killed may still be writing.
tries=20
while ! rm -rf -- "$folder" 2>/dev/null && [ $tries -gt 0 ]; do
	sleep 0.1
	tries=$((tries - 1))
done
