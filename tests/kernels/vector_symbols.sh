#!/bin/sh
# vector_symbols.sh <nm> <instruction set> objects…
# Objects built for one instruction set may define, for other objects to see, only names of that set's own
# namespaces: the linker keeps one copy of an inline function, and it could be the one this processor cannot run.
set -eu
nm=$1
set_name=$2
shift 2
own="_ZN*K*7atelier(3cpu)?[0-9]+(code_)?${set_name}"
count=0
status=0
for object in "$@"; do
  names=$("$nm" --extern-only --defined-only --format=posix "$object" | awk '$2 ~ /^[A-Za-z]$/ { print $1 }')
  for name in $names; do
    count=$((count + 1))
    if ! printf '%s\n' "$name" | grep -Eq "^$own"; then
      echo "$object defines $name, which is not in atelier::cpu::$set_name"
      status=1
    fi
  done
done
[ "$count" -gt 0 ] || { echo "no symbols found in: $*"; exit 1; }
echo "$count symbols of $set_name checked"
exit $status
