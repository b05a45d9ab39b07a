#!/bin/sh
# Lays out the root folder of an image: one program and exactly what it needs to run, nothing to log in to.
# The Dockerfile uses it, and so does the test that starts the programs on a machine without a container engine.
#
#   assemble.sh PROGRAM ROOT     PROGRAM: a linked binary of this machine's kind; ROOT: a folder that is new or empty
set -eu

if [ "$#" -ne 2 ]; then
  echo "usage: $0 PROGRAM ROOT" >&2
  exit 2
fi
program=$1
root=$2
# Who the program runs as, in the image and in the manifests.
user=65532
certificates=/etc/ssl/certs/ca-certificates.crt

if [ ! -x "$program" ]; then
  echo "$program is not a program; build it first" >&2
  exit 1
fi
if [ ! -r "$certificates" ]; then
  echo "$certificates is missing; install ca-certificates" >&2
  exit 1
fi

mkdir -p "$root"
cp "$program" "$root/program"
chmod 0755 "$root/program"

# The loader and the libraries, under the paths at which the loader looks for them. A library that is missing here is
# told of now and not by the first start.
libraries=$(ldd "$program")
if echo "$libraries" | grep -q 'not found'; then
  echo "$libraries" >&2
  exit 1
fi
for library in $(echo "$libraries" | grep -o '/[^ ]*'); do
  mkdir -p "$root$(dirname "$library")"
  cp -L "$library" "$root$library"
done

# Whose certificates are trusted: by the database drivers, NATS over TLS and the export of telemetry.
mkdir -p "$root$(dirname "$certificates")"
cp -L "$certificates" "$root$certificates"

# A user without rights, and how names are looked up. Time zones are in the programs.
printf 'nonroot:x:%s:%s:nonroot:/:/nonexistent\n' "$user" "$user" >"$root/etc/passwd"
printf 'nonroot:x:%s:\n' "$user" >"$root/etc/group"
printf 'hosts: files dns\n' >"$root/etc/nsswitch.conf"

# Where the platform in one process keeps its files (a volume); the servers of their own write nothing.
mkdir -m 0700 "$root/data"
if [ "$(id -u)" -eq 0 ]; then chown "$user:$user" "$root/data"; fi
