#!/bin/sh
# Restarts the nodes of compose.yaml one after the other, with a new image or new settings if there are any.
# Each node hands its streams over as it stops; the next one follows only when all copies are up to date again.
#
#   sh deploy/cluster/rolling.sh [NODE...]
#
# Without nodes it is all three. COMPOSE is the command, docker-compose if it is not set.
set -eu
here=$(dirname "$0")
patience=300 # seconds for each node
[ $# -gt 0 ] || set -- n1 n2 n3

compose() {
	${COMPOSE:-docker-compose} -f "$here/compose.yaml" "$@"
}

# whole NODE succeeds if all nodes answer, each stream has an owner and copies that are up to date, and the
# node is ready.
whole() {
	status=$(compose exec -T "$1" /holdfast cluster status --json 2>/dev/null) || return 1
	case $(printf %s "$status" | tr -d ' \t\r\n') in
	*'"answers":false'* | *'"owner":""'* | *'"leader":""'* | *'"current":false'*) return 1 ;;
	*'"owner":'*) compose exec -T "$1" /holdfast health --ready >/dev/null 2>&1 ;;
	*) return 1 ;;
	esac
}

await() {
	end=$(($(date +%s) + patience))
	until whole "$1"; do
		if [ "$(date +%s)" -gt "$end" ]; then
			echo "$1: the cluster is not whole after $patience s, no other node is restarted; see:" >&2
			echo "  docker-compose -f $here/compose.yaml exec $1 /holdfast cluster status" >&2
			exit 1
		fi
		sleep 1
	done
}

await "$1"
for node; do
	echo "$node: restart"
	compose stop --timeout 30 "$node"
	compose up --detach --no-deps "$node"
	await "$node"
	echo "$node: whole"
done
