#!/bin/sh
# Makes what the nodes of a cluster show each other: an authority of their own, and for each node a folder
# with its certificate and key, the authority's certificate and the password of the cluster.
#
#   sh deploy/cluster/secrets.sh [FOLDER [NAME...]]
#
# FOLDER is the folder "secrets" beside this file if it is not set. The names are the hosts (names or IPv4
# addresses) under which the nodes reach each other: n1 n2 n3 if they are not set, as in compose.yaml.
#
# What is there stays. To renew a certificate, remove the folder of its node, run this again and restart the
# nodes one by one. Certificates are valid for ten years. Nobody needs ca.key but this script.
set -eu
umask 077
folder=${1:-$(dirname "$0")/secrets}
[ $# -eq 0 ] || shift
[ $# -gt 0 ] || set -- n1 n2 n3
mkdir -p "$folder"
work=$(mktemp -d "$folder/new.XXXXXX")
trap 'rm -rf "$work"' EXIT

# make ARGUMENTS... runs openssl, which says something only if it fails.
make() {
	openssl "$@" 2>"$work/said" || { cat "$work/said" >&2; exit 1; }
}

cat >"$work/settings" <<END
[req]
distinguished_name = name
prompt = no
[name]
CN = holdfast cluster
[authority]
basicConstraints = critical, CA:TRUE, pathlen:0
keyUsage = critical, keyCertSign
subjectKeyIdentifier = hash
END

if [ ! -e "$folder/ca.crt" ]; then
	make ecparam -name prime256v1 -genkey -noout -out "$work/ca.key"
	make req -x509 -new -sha256 -days 3650 -config "$work/settings" -extensions authority -key "$work/ca.key" -out "$work/ca.crt"
	mv "$work/ca.key" "$work/ca.crt" "$folder"
fi
if [ ! -e "$folder/password" ]; then
	make rand -hex -out "$work/password" 32
	mv "$work/password" "$folder"
fi

for name; do
	[ ! -e "$folder/$name/node.crt" ] || continue
	[ ! -d "$folder/$name" ] || rmdir "$folder/$name" # made by an engine that looked for it
	case $name in
	*[!0-9.]*) alternative=DNS:$name ;;
	*) alternative=IP:$name ;;
	esac
	mkdir "$work/$name"
	cat >"$work/extensions" <<END
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth, clientAuth
subjectAltName = $alternative
END
	make ecparam -name prime256v1 -genkey -noout -out "$work/$name/node.key"
	make req -new -sha256 -config "$work/settings" -key "$work/$name/node.key" -subj "/CN=$name" -out "$work/request"
	make x509 -req -sha256 -days 3650 -in "$work/request" -CA "$folder/ca.crt" -CAkey "$folder/ca.key" \
		-set_serial "0x1$(openssl rand -hex 15)" -extfile "$work/extensions" -out "$work/$name/node.crt"
	cp "$folder/ca.crt" "$folder/password" "$work/$name"
	# The user in the container is another one than on this host, and reads the files. Others on this host
	# can't: the folder around these is closed to them.
	chmod 755 "$work/$name"
	chmod 644 "$work/$name"/*
	mv "$work/$name" "$folder"
	echo "made $folder/$name"
done
